/** A minimal writer of WebAssembly modules: one imported memory, functions from i32s to nothing, some of them imported, exports. */

/** Value types as the binary format numbers them. */
export const I32 = 0x7f;
export const I64 = 0x7e;
export const V128 = 0x7b;
export type ValueType = typeof I32 | typeof I64 | typeof V128;

export interface FunctionParts {
  /** Number of i32 parameters. */
  readonly params: number;
  /** Types of the locals that follow the parameters. */
  readonly locals: readonly ValueType[];
  /** Instructions, without the final `end`. */
  readonly code: Bytes;
}

export interface ModuleParts {
  /** The memory imported as env.memory, in pages of 64 KiB. */
  readonly memory: { readonly minPages: number; readonly maxPages: number; readonly shared: boolean };
  /** Functions imported from env; their indices come before those of `functions`. */
  readonly imports: readonly { readonly name: string; readonly params: number }[];
  readonly functions: readonly FunctionParts[];
  readonly exports: readonly { readonly name: string; readonly index: number }[];
}

/** The bytes of a module (WebAssembly core specification 2.0, chapter 5). */
export function assemble(module: ModuleParts): Uint8Array<ArrayBuffer> {
  const arities = [...new Set([...module.imports, ...module.functions].map((f) => f.params))];
  const out = new Bytes();
  out.raw([0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00]);
  section(out, 1, arities, (to, params) => {
    to.byte(0x60).u32(params);
    for (let i = 0; i < params; i++) to.byte(I32);
    to.u32(0);
  });
  const { shared, minPages, maxPages } = module.memory;
  section(out, 2, [
    (to: Bytes) => to.name('memory').byte(0x02).byte(shared ? 0x03 : 0x01).u32(minPages).u32(maxPages),
    ...module.imports.map(({ name, params }) => (to: Bytes) => to.name(name).byte(0x00).u32(arities.indexOf(params))),
  ], (to, write) => write(to.name('env')));
  section(out, 3, module.functions, (to, f) => to.u32(arities.indexOf(f.params)));
  section(out, 7, module.exports, (to, { name, index }) => to.name(name).byte(0x00).u32(index));
  section(out, 10, module.functions, (to, f) => to.sized(functionBody(f)));
  return out.finish();
}

function section<T>(out: Bytes, id: number, items: readonly T[], write: (to: Bytes, item: T) => void): void {
  const content = new Bytes();
  content.u32(items.length);
  for (const item of items) write(content, item);
  out.byte(id).sized(content);
}

function functionBody(f: FunctionParts): Bytes {
  const body = new Bytes();
  const runs: { type: ValueType; count: number }[] = [];
  for (const type of f.locals) {
    const last = runs.at(-1);
    if (last?.type === type) last.count++;
    else runs.push({ type, count: 1 });
  }
  body.u32(runs.length);
  for (const { type, count } of runs) body.u32(count).byte(type);
  body.append(f.code).byte(0x0b);
  return body;
}

/** A growing run of bytes with the encodings of the binary format; every writer returns `this`. */
export class Bytes {
  private data: Uint8Array<ArrayBuffer> = new Uint8Array(256);
  private length = 0;

  byte(value: number): this {
    if (this.length === this.data.length) this.reserve(1);
    this.data[this.length++] = value;
    return this;
  }

  raw(bytes: ArrayLike<number>): this {
    this.reserve(bytes.length);
    this.data.set(bytes, this.length);
    this.length += bytes.length;
    return this;
  }

  append(other: Bytes): this {
    return this.raw(other.data.subarray(0, other.length));
  }

  /** The length of `other`, then its bytes. */
  sized(other: Bytes): this {
    return this.u32(other.length).append(other);
  }

  /** Unsigned LEB128 of value mod 2^32. */
  u32(value: number): this {
    let rest = value >>> 0;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    return this.byte(rest);
  }

  /** Signed LEB128 of value mod 2^32. */
  i32(value: number): this {
    let rest = value | 0;
    for (;;) {
      const low = rest & 0x7f;
      rest >>= 7;
      if (rest === (low & 0x40 ? -1 : 0)) return this.byte(low);
      this.byte(low | 0x80);
    }
  }

  name(text: string): this {
    const bytes = new TextEncoder().encode(text);
    return this.u32(bytes.length).raw(bytes);
  }

  finish(): Uint8Array<ArrayBuffer> {
    return this.data.slice(0, this.length);
  }

  private reserve(more: number): void {
    if (this.length + more <= this.data.length) return;
    const grown = new Uint8Array(Math.max(this.length + more, this.data.length * 2));
    grown.set(this.data.subarray(0, this.length));
    this.data = grown;
  }
}
