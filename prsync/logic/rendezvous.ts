// Rendezvous hashing: each volunteer has a weight for each piece, and the piece belongs to the one whose
// weight is greatest. Who joins or leaves moves only its own pieces; nobody has to agree on an order.

/** FNV-1a of a text, 32 bits. */
export const hashText = (text: string): number => {
  let hash = 0x811c9dc5
  for (let index = 0; index < text.length; index++) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193)
  }
  return hash >>> 0
}

/** How much piece `piece` belongs to the one whose name (with its torrent) has this hash: 32 bits. */
export const pieceWeight = (nameHash: number, piece: number): number => {
  let hash = nameHash ^ Math.imul(piece + 1, 0x9e3779b1)
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
