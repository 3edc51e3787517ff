// Copies of texts. V8 makes a part of a text as a view of the whole, which then stays in memory as long
// as the part does: whatever is remembered of a long text that was read has to be a copy. And a text put
// together stays a tree of its parts, which costs at each use of it: what is used often is copied too.

/** The same text, in memory of its own. For characters of one byte only (latin1). */
export const ownText = (text: string): string => Buffer.from(text, 'latin1').toString('latin1')
