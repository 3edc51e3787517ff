// parse-torrent 11 ships no types; tests use it to see metainfo as stock clients do.

declare module 'parse-torrent' {
  const parseTorrent: (torrent: Uint8Array | string) => Promise<unknown>

  export { parseTorrent as default }
}
