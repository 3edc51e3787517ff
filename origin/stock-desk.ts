// The tracker of ordinary BitTorrent clients, opened when the first of them asks: its library takes
// some 20 MB and a third of a second to load, which most starts of an origin can do without.

import type { IncomingMessage, ServerResponse } from 'node:http'
import type { StockOptions, StockParts, StockTracker } from '../tracker/stock.ts'

export class StockDesk {
  readonly #parts: StockParts
  readonly #options: StockOptions
  #tracker: Promise<StockTracker> | null = null

  constructor(parts: StockParts, options: StockOptions) {
    this.#parts = parts
    this.#options = options
  }

  /** Answer a GET of a stock client; see StockTracker. */
  async handle(
    request: IncomingMessage,
    response: ServerResponse,
    action: 'announce' | 'scrape',
    address: string,
  ): Promise<void> {
    this.#tracker ??= this.#open()
    try {
      const tracker = await this.#tracker
      tracker.handle(request, response, action, address)
    } catch (error) {
      this.#tracker = null
      response.destroy()
      throw error
    }
  }

  async stop(): Promise<void> {
    await (await this.#tracker)?.stop()
  }

  async #open(): Promise<StockTracker> {
    const { StockTracker } = await import('../tracker/stock.ts')
    const tracker = new StockTracker(this.#parts, this.#options)
    tracker.start()
    return tracker
  }
}
