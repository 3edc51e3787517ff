// What bench/redirects.ts compares with: node:http and a fixed 302, nothing else.

import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const headers = { location: 'http://volunteer.example.org/file', 'content-length': '0' }

const server = createServer((_request, response) => {
  response.writeHead(302, headers)
  response.end()
})
server.listen(0, '127.0.0.1', () => {
  const { port } = server.address() as AddressInfo
  process.stdout.write(`ready http://127.0.0.1:${port}/\n`)
})
