// Bounds of what a front does by itself before node:http, each with its unit and reason.

/** A usual request's head is shorter; longer ones are node:http's, which bears 16 KiB. */
export const quickHeadCharacters = 4_096
/** Sets of header lines whose meaning is remembered (about 600 bytes each). */
export const rememberedHeaderLines = 1_024
