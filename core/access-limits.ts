// Bounds of what clients may ask of a server, and of how they prove who they are, each with its unit
// and reason. The others are in limits.ts.

/** Requests that one address may make each second, on average (default): a university behind NAT fits. */
export const requestsPerSecond = 1000
/** So many seconds' worth of requests pass at once: apt pipelines a thousand. */
export const requestBurstSeconds = 5
/** Addresses whose requests are counted (about 150 bytes each); the least recent is forgotten. */
export const limitedAddresses = 20_000
/** What a refused signature counts as: checking one costs as much as many redirects. */
export const refusedSignatureCost = 20
/** Connections that one address may have open at once (default). */
export const connectionsPerAddress = 512
/** Headers that have not arrived completely in this time end the connection. */
export const headersTimeoutMs = 20_000
/** A connection without a request is closed after this time; proxies wait 60 s. */
export const idleConnectionMs = 72_000
/** How often connections are looked at for those three. */
export const connectionSweepMs = 5_000
/** How often files of certificates are looked at for changes. */
export const tlsReloadMs = 30_000
/** Clients with credentials or networks of their own. */
export const accessClients = 10_000
/** Paths, and networks, of one client. */
export const clientRules = 256
/** Characters of a client's secret, chosen or made. */
export const clientSecretCharacters = 200
/** Secrets that wait for being checked by argon2id (some 50 ms each, one at a time). */
export const waitingSecrets = 64
/** A chosen secret that was checked need not be checked again for so long. */
export const verifiedSecretMs = 300_000
/** Checked secrets that are remembered, as HMACs. */
export const verifiedSecrets = 20_000
/** Wrong credentials from one address that cost no pause. */
export const freeGuessesPerAddress = 10
/** The same for one name: a whole department may have mistyped it. */
export const freeGuessesPerName = 50
/** The first pause; doubled by each further failure. */
export const guessPauseMs = 1_000
/** The longest. */
export const guessPauseCeilingMs = 60_000
/** Failures are forgotten when there was none for so long. */
export const guessForgetMs = 900_000
/** Addresses, and names, whose failures are remembered. */
export const rememberedGuesses = 20_000
/** Addresses of which it is remembered that they are in a client's network. */
export const rememberedNetworkClients = 20_000
/** Addresses of which it is remembered what their text means (about 300 bytes each). */
export const rememberedAddresses = 4_096
/** Lines of the access log that wait for the disk; more are left out and counted (some 16,000). */
export const accessLogBytes = 4 * 1024 * 1024
/** How long a line may wait for others to be written with it. */
export const accessLogFlushMs = 1_000
/** How long stopping waits for the last lines. */
export const accessLogCloseMs = 3_000
