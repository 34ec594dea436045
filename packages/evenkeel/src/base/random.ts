/**
 * Random numbers as a pure function of key and counter: Threefry-2x32 with 20 rounds (Salmon, Moraes, Dror and Shaw,
 * "Parallel random numbers: as easy as 1, 2, 3", SC 2011). Nothing is remembered, so draws are the same in any order.
 */

const ROTATIONS = [13, 15, 26, 6, 17, 29, 16, 24] as const;
const KEY_PARITY = 0x1bd11bda;

/** One block: two random u32 words for a key and a counter of two u32 words each. */
export function threefry2x32(key0: number, key1: number, counter0: number, counter1: number): readonly [number, number] {
  const keys = [key0 >>> 0, key1 >>> 0, (KEY_PARITY ^ key0 ^ key1) >>> 0];
  let a = (counter0 + keys[0]) >>> 0;
  let b = (counter1 + keys[1]) >>> 0;
  for (let round = 0; round < 20; round++) {
    const turn = ROTATIONS[round % 8];
    a = (a + b) >>> 0;
    b = (((b << turn) | (b >>> (32 - turn))) ^ a) >>> 0;
    if (round % 4 !== 3) continue;
    const injection = (round + 1) / 4;
    a = (a + keys[injection % 3]) >>> 0;
    b = (b + keys[(injection + 1) % 3] + injection) >>> 0;
  }
  return [a, b];
}

/** A u32 that depends on every character (FNV-1a over UTF-16 units), for turning names into random streams. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash >>> 0;
}

/** A sequence of draws on the host: the same seed and stream always give the same sequence. */
export class RandomStream {
  private readonly seed: number;
  private readonly stream: number;
  private counter = 0;
  private spare: number | undefined;

  /** @param stream a number or a name; sequences of different streams are independent */
  constructor(seed: number, stream: number | string = 0) {
    this.seed = seed >>> 0;
    this.stream = typeof stream === 'string' ? hashText(stream) : stream >>> 0;
  }

  /** A whole number in 0 .. 2^32 - 1. */
  uint32(): number {
    if (this.spare !== undefined) {
      const word = this.spare;
      this.spare = undefined;
      return word;
    }
    const [word, next] = threefry2x32(this.seed, this.stream, this.counter % 2 ** 32, Math.floor(this.counter / 2 ** 32));
    this.counter++;
    this.spare = next;
    return word;
  }

  /** A multiple of 2^-32 in [0, 1). */
  uniform(): number {
    return this.uint32() / 2 ** 32;
  }

  /** A whole number in 0 .. bound - 1, without bias (words beyond the last full multiple of `bound` are drawn again). */
  below(bound: number): number {
    const limit = 2 ** 32 - (2 ** 32 % bound);
    for (;;) {
      const word = this.uint32();
      if (word < limit) return word % bound;
    }
  }

  /** A draw of the standard normal distribution (Box and Muller 1958). */
  normal(): number {
    const radius = Math.sqrt(-2 * Math.log(1 - this.uniform()));
    return radius * Math.cos(2 * Math.PI * this.uniform());
  }
}
