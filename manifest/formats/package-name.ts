// What a path says about a file: the kind of package, index or image, its version and architecture,
// and the key that it shares with its relatives. Names only; nothing is opened.

export type FileKind =
  | 'deb'
  | 'deb-source'
  | 'rpm'
  | 'pacman'
  | 'archive'
  | 'image'
  | 'index'
  /** Named by its hash: only its folder says what it is. */
  | 'by-hash'
  | 'file'

export interface NameFacts {
  readonly kind: FileKind
  /** The exact name without version and architecture; numbers that belong to it are in it. */
  readonly name: string
  /** The name with numbers as "#" and without variants: what a family of releases has in common. */
  readonly family: string
  /** Every number that tells releases apart, those in the name first; '' if there is none. */
  readonly version: string
  /** '' where the name says none. */
  readonly architecture: string
  /** How the bytes are packed, as the end of the name says: "deb", "tar.xz", "iso". */
  readonly form: string
  /** The bytes are compressed as a whole: they resemble only those of a near relative. */
  readonly compressed: boolean
  /** Versions, architectures and variants of one thing have the same key. */
  readonly key: string
}

const architectures =
  'amd64|arm64|armhf|armel|i386|i486|i586|i686|ia64|mips64el|mips64|mipsel|mips|ppc64el|ppc64le|' +
  'ppc64|powerpc|ppc|riscv64|s390x|s390|sparc64|sparc|alpha|hppa|hurd-i386|kfreebsd-amd64|' +
  'kfreebsd-i386|loong64|loongarch64|m68k|sh4|x32|x86_64|x86-64|x64|x86|aarch64|armv7hl|armv7h|' +
  'armv7l|armv7|armv6h|armv6|arm|noarch|all|any|source|src|nosrc|universal|win32|win64'
const architectureWord = new RegExp(`(?:^|[-_.])(${architectures})(?=$|[-_.])`, 'i')
const architectureFolder = new RegExp(`^(?:(?:binary|installer)-)?(${architectures})$`, 'i')

/** Builds of one kernel or distribution beside each other. */
const variantWord =
  /-(?:rt|cloud|unsigned|signed|generic|lowlatency|virtual|lpae|pae|kvm|hwe|rpi|debug|netinst|live)(?=$|-)/g

const squeezing = 'gz|xz|bz2|zst|lzma|lz4|lz|br|Z'
const squeezed = new RegExp(`\\.(?:${squeezing})$`)
const packedForms = new Set(
  (
    'deb udeb ddeb rpm drpm tgz txz tbz tbz2 tzst zip jar war whl apk egg gem crate nupkg snap ' +
    'flatpak appimage squashfs 7z rar cab msi xpi png jpg jpeg gif webp mp4 mp3 ogg webm woff woff2'
  ).split(' '),
)
const archiveForms = new Set(
  (
    'tar tgz txz tbz tbz2 tzst zip jar war whl apk egg gem crate nupkg snap flatpak appimage 7z rar ' +
    'cab msi xpi cpio a'
  ).split(' '),
)
const imageForms = new Set(
  'iso img raw qcow2 qcow vmdk vdi vhd vhdx wim dmg squashfs ova udf'.split(' '),
)
const indexName =
  /^(?:(?:Packages|Sources|Contents-[\w.-]+|Translation-[\w@.-]+|Components-[\w.-]+|Commands-[\w-]+|Release|InRelease|ls-lR|APKINDEX|INDEX)(?:\.[\w.]+)?|repomd\.xml(?:\.\w+)?|(?:(?:primary|filelists|filelists-ext|other|comps|updateinfo|modules|prestodelta|appstream|group|susedata|suseinfo|patterns|productid)\b[\w.-]*\.(?:xml|yaml|sqlite|solv|zck)(?:\.\w+)?)|[\w.@%+-]+\.(?:db|files)(?:\.tar(?:\.\w+)?)?)$/
const hashPrefix = /^(?:[0-9a-f]{128}|[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{32})-/
const byHashFolder = /(?:^|\/)by-hash\/[A-Za-z0-9]+\/[0-9a-f]{32,128}$/

/** No file system takes longer names; of others the end is read, so that the patterns stay quick. */
const nameCharacters = 255

/** Percent-encoding undone, a byte a character: only for comparing. */
const decode = (text: string): string =>
  text.replace(/%([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))

/** Numbers, with the signs between them, as "#"; hashes as "##". */
export const maskNumbers = (text: string): string =>
  text.replace(/[0-9a-f]{32,128}/g, '##').replace(/[0-9]+(?:[.+~_-]+[0-9]+)*/g, '#')

const numbersIn = (text: string): string =>
  (text.match(/[0-9]+(?:[.+~_-]+[0-9]+)*/g) ?? []).join(' ')

const folderOf = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('/')))

/** The last folder above that names an architecture ("binary-amd64", "x86_64"). */
const folderArchitecture = (path: string): string => {
  const folders = folderOf(path).split('/')
  for (const folder of folders.reverse()) {
    const found = architectureFolder.exec(folder)?.[1]
    if (found !== undefined) return found
  }
  return ''
}

interface Parsed {
  readonly kind: FileKind
  readonly name: string
  readonly version: string
  readonly architecture: string
  readonly form: string
}

/** name_version_architecture.deb; sources without the architecture. */
const parseDebian = (base: string): Parsed | null => {
  const binary = /^([^_]+)_([^_]+)_([^_.]+)\.(u?deb|ddeb)$/.exec(base)
  if (binary !== null) {
    const [, name = '', version = '', architecture = '', form = ''] = binary
    return { kind: 'deb', name, version, architecture, form }
  }
  const source =
    /^([^_]+)_([^_]+?)(?:_([a-z0-9-]+))?\.(dsc|changes|buildinfo|diff\.gz|(?:(?:orig(?:-[\w-]+)?|debian)\.)?tar\.\w+(?:\.asc)?)$/.exec(
      base,
    )
  if (source === null) return null
  const [, name = '', version = '', architecture = '', form = ''] = source
  return { kind: 'deb-source', name, version, architecture, form }
}

/** name-version-release.architecture.rpm */
const parseRpm = (base: string): Parsed | null => {
  const found = /^(.+)-([^-]+)-([^-]+)\.([^.-]+)\.(d?rpm)$/.exec(base)
  if (found === null) return null
  const [, name = '', version = '', release = '', architecture = '', form = ''] = found
  return { kind: 'rpm', name, version: `${version}-${release}`, architecture, form }
}

/** name-version-release-architecture.pkg.tar.zst */
const parsePacman = (base: string): Parsed | null => {
  const found = /^(.+)-([^-]+)-([^-]+)-([^-.]+)\.(pkg\.tar(?:\.\w+)*)$/.exec(base)
  if (found === null) return null
  const [, name = '', version = '', release = '', architecture = '', form = ''] = found
  return { kind: 'pacman', name, version: `${version}-${release}`, architecture, form }
}

const parseIndex = (path: string, base: string): Parsed | null => {
  const name = base.replace(hashPrefix, '')
  if (!indexName.test(name)) return null
  const own = architectureWord.exec(name.replace(/\..*$/, ''))?.[1]
  const form = /\.(.*)$/.exec(name)?.[1] ?? ''
  return { kind: 'index', name, version: '', architecture: own ?? folderArchitecture(path), form }
}

/** The end of a name that says how the bytes are packed: "tar.gz", "iso.xz", "txt". */
const formOf = (base: string): string => {
  const outer = /\.([A-Za-z][A-Za-z0-9]{0,9}|7z)$/.exec(base)?.[1]
  if (outer === undefined) return ''
  if (!squeezed.test(`.${outer}`)) return outer
  const inner = /\.([A-Za-z][A-Za-z0-9]{0,9})\.[A-Za-z0-9]+$/.exec(base)?.[1]
  return inner === undefined ? outer : `${inner}.${outer}`
}

/** name-1.2.3.tar.gz, debian-12.4.0-amd64-netinst.iso, or anything else. */
const parseOther = (base: string): Parsed => {
  const form = formOf(base)
  const stem = form === '' ? base : base.slice(0, -form.length - 1)
  const first = (form.split('.')[0] ?? '').toLowerCase()
  const kind = imageForms.has(first) ? 'image' : archiveForms.has(first) ? 'archive' : 'file'
  const architecture = architectureWord.exec(stem)?.[1] ?? ''
  const name = architecture === '' ? stem : stem.replace(architectureWord, '')
  // What follows the version of a wheel (cp311-manylinux…) is a platform, and no name.
  const platform = form === 'whl' ? /^([^-]+)-([^-]+)-(.*)$/.exec(stem) : null
  if (platform !== null) {
    const [, wheel = '', version = '', rest = ''] = platform
    return { kind, name: wheel, version, architecture: rest, form }
  }
  const version = /^(.+?)[-_.]v?([0-9][^-_]*(?:[-_][0-9][^-_]*)*)$/.exec(name)
  if (version === null || kind === 'file') return { kind, name, version: '', architecture, form }
  return { kind, name: version[1] ?? '', version: version[2] ?? '', architecture, form }
}

const isCompressed = (form: string): boolean =>
  squeezed.test(`.${form}`) ||
  /^pkg\.tar\.\w+/.test(form) ||
  packedForms.has((form.split('.').at(-1) ?? '').toLowerCase())

/** Distributions publish one image in many variants; those share most of their packages. */
const imageFamily = (name: string): string => /^[A-Za-z]+/.exec(name)?.[0] ?? maskNumbers(name)

const familyOf = ({ kind, name }: Parsed): string => {
  if (kind === 'image') return imageFamily(name)
  if (kind === 'index') return name
  return maskNumbers(name.replace(architectureWord, '').replace(variantWord, ''))
}

/** What the canonical path of a file says about it. Never fails: the worst is a plain 'file'. */
export const readName = (path: string): NameFacts => {
  if (byHashFolder.test(path)) {
    const family = folderOf(path)
    const architecture = folderArchitecture(path)
    const facts = { name: '', family, version: '', architecture, form: '', compressed: false }
    return { kind: 'by-hash', ...facts, key: `by-hash ${family}` }
  }
  const base = decode(path.slice(path.lastIndexOf('/') + 1)).slice(-nameCharacters)
  const parsed =
    parseIndex(path, base) ??
    parsePacman(base) ??
    parseDebian(base) ??
    parseRpm(base) ??
    parseOther(base)
  const { kind, name, architecture, form } = parsed
  const family = familyOf(parsed)
  const own = numbersIn(name.replace(architectureWord, ''))
  const version = [own, parsed.version].filter(part => part !== '').join(' ')
  // The same index of another architecture has nothing in common with this one.
  const key = `${kind} ${family} ${form}${kind === 'index' ? ` ${architecture}` : ''}`
  const compressed = isCompressed(form)
  return { kind, name, family, version, architecture, form, compressed, key: key.toLowerCase() }
}
