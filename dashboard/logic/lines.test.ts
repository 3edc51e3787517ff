import t from 'tap'
import { credentialText, linesIn, valuesIn } from './lines.ts'

t.test('values are set apart by lines, blanks or commas, and count once', async t => {
  t.same(valuesIn(' 192.0.2.0/24,\n2001:db8::/32 192.0.2.0/24;\t'), [
    '192.0.2.0/24',
    '2001:db8::/32',
  ])
  t.same(valuesIn('  \n'), [])
  t.same(linesIn('/pool/a b/\r\n\n /dists, old \n/pool/a b/'), ['/pool/a b/', '/dists, old'])
})

t.test('a password is told as programs want it', async t => {
  const text = credentialText('lab', 's3', 'https://m.example.org/debian')
  t.match(text, /^user +lab\npassword +s3\n/)
  t.match(text, /\nmachine https:\/\/m\.example\.org\/debian\/ login lab password s3$/)
})
