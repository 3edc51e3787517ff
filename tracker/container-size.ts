// The size of the containers in which holdings are kept and sent. Apart from the schemas of messages, so
// that threads which only count contents need not load those.

/** Content numbers of one container of holdings. */
export const containerNumbers = 65_536
/** A container's bitmap: bit k%8 of byte k/8 (least significant first) is number k. */
export const containerBytes = containerNumbers / 8
