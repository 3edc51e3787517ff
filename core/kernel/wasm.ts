// Loads kernel.wasm, which lies beside this file. Where it cannot be loaded the reason is kept and
// the plain TypeScript takes its place. Knows the module's functions, not what they are for.

import { readFileSync } from 'node:fs'

interface WasmModule {
  readonly [Symbol.toStringTag]: string
}

interface WasmMemory {
  readonly buffer: ArrayBuffer
  grow(pages: number): number
}

/** Addresses and lengths are bytes in the instance's memory. See kernel.c. */
interface KernelFunctions {
  readonly memory: WasmMemory
  readonly __heap_base: { readonly value: number }
  start(): void
  chunk_hashes(bytes: number, chunkBytes: number, count: number, hashes: number): void
  anchors(bytes: number, length: number, last: number, list: number): number
  anchors_consumed(): number
  prepare(...addresses: readonly number[]): number
  begin(basis: number, offset: number): void
  scan(length: number): number
  finish(): number
  forget(basis: number): number
}

declare const WebAssembly: {
  readonly Module: new (bytes: Uint8Array) => WasmModule
  readonly Instance: new (module: WasmModule) => { readonly exports: object }
}

const loadModule = (): WasmModule | Error => {
  try {
    return new WebAssembly.Module(readFileSync(new URL('./kernel.wasm', import.meta.url)))
  } catch (error) {
    return error instanceof Error ? error : new Error(String(error))
  }
}

const loaded = loadModule()

/** Why the plain TypeScript is used, or null when WebAssembly is. */
export const kernelProblem: Error | null = loaded instanceof Error ? loaded : null

const pageBytes = 65_536
const alignBytes = 64

/** One instance of the kernel with memory of its own, laid out once and never grown again. */
export class WasmInstance {
  readonly functions: KernelFunctions
  readonly memory: Uint8Array<ArrayBuffer>
  #next: number

  /** `sizeBytes`: what will be taken of the memory in `takes` parts. Throws when it is not there. */
  constructor(sizeBytes: number, takes: number) {
    if (loaded instanceof Error) throw loaded
    this.functions = new WebAssembly.Instance(loaded).exports as KernelFunctions
    const { memory, __heap_base } = this.functions
    const neededBytes = __heap_base.value + sizeBytes + takes * alignBytes
    memory.grow(Math.max(0, Math.ceil((neededBytes - memory.buffer.byteLength) / pageBytes)))
    this.memory = new Uint8Array(memory.buffer)
    this.#next = __heap_base.value
    this.functions.start()
  }

  /** The address of the next `sizeBytes`, all zeros; from the second on aligned to a cache line. */
  take(sizeBytes: number): number {
    const address = this.#next
    this.#next = Math.ceil((address + sizeBytes) / alignBytes) * alignBytes
    return address
  }

  bytes(address: number, length: number): Uint8Array<ArrayBuffer> {
    return this.memory.subarray(address, address + length)
  }
}
