/** The base of layers and models: an object whose properties are parameters, buffers and other modules. */
import { RandomStream, sizeOf } from '../base/index.ts';
import type { DType, Shape } from '../base/index.ts';
import { bumpStructure, checkSize, currentTrace, Trace, tracing, withPath } from '../runtime/index.ts';
import { Buffer, Param, Ref, Tensor, zeros } from '../tensor/index.ts';
import { faults } from './faults.ts';
import type { Fans, Initializer } from './init.ts';

/** What every module takes. */
export interface ModuleOptions {
  /** What the first values of parameters are drawn from, together with each one's path. Default: the parent's, at the top 0. */
  readonly seed?: number;
}

/** How a module is built before its first input. */
export interface BuildOptions extends ModuleOptions {
  /** Dtype of the input; default f32. */
  readonly dtype?: DType;
}

/** A module that takes one tensor and gives one. */
export type Model = Module & { forward(x: Tensor): Tensor };

/** What is known of an input before it has values. */
export interface InputSpec { readonly shape: Shape; readonly dtype: DType }

/** What stands between the call of a module and its forward: it runs `call` and gives its result, or another. */
export type Around = <T>(call: () => T) => T;

/** Samples of the batch that shapes are inferred with: more than one, so that no axis stretches by accident. */
const BUILD_BATCH = 2;

/**
 * A layer or model. Write `forward` in a subclass, keep parameters and other modules in properties (or arrays in them), and make
 * parameters in `setup`, which sees the first input. Calls of `forward` go through the module: it names its children, so that
 * errors tell the path, and runs `setup` first.
 */
export abstract class Module {
  // Private by #, so that subclasses are free to use these names.
  #path = '';
  #name = '';
  #givenSeed: number | undefined;
  #inheritedSeed = 0;
  #ready = false;
  #frozen = false;
  #outputShape: Shape | undefined;
  #inputs: readonly InputSpec[] | undefined;
  #around: readonly Around[] = [];

  constructor(options: ModuleOptions = {}) {
    this.#givenSeed = options.seed;
    const forward: unknown = Reflect.get(this, 'forward');
    if (typeof forward !== 'function') return;
    // Shadows the method, so that model.forward(x) needs no second name for calls (PyTorch's __call__).
    const value = (...inputs: Tensor[]): Tensor => this.#enter(() => forward.apply(this, inputs) as Tensor, inputs);
    Object.defineProperty(this, 'forward', { value, writable: true, configurable: true });
  }

  /** Makes parameters whose sizes depend on the first input. Override it; it runs once. */
  protected setup(..._inputs: readonly Tensor[]): void {}

  /** Whether a parameter of this module trains while the module is not frozen. Override it where an option says so. */
  protected trains(_param: Param): boolean {
    return true;
  }

  /** What it is, in a few words, for summaries and error texts; default: the class name. */
  describe(): string {
    return this.constructor.name;
  }

  /** The modules directly inside, with their names. Override it to name them otherwise than by property and position. */
  children(): readonly (readonly [name: string, child: Module])[] {
    return this.#entries().filter((entry): entry is [string, Module] => entry[1] instanceof Module);
  }

  /** Parameters by dotted path; one that is reached twice has its first path. @throws E320 before the sizes are known */
  namedParams(): Map<string, Param> {
    return this.#refs((ref): ref is Param => ref instanceof Param);
  }

  /** Buffers by dotted path. @throws E320 before the sizes are known */
  namedBuffers(): Map<string, Buffer> {
    return this.#refs((ref): ref is Buffer => ref instanceof Buffer);
  }

  /** All parameters, frozen ones included. @throws E320 before the sizes are known */
  params(): Param[] {
    return [...this.namedParams().values()];
  }

  /** All buffers: what is saved but not trained. @throws E320 before the sizes are known */
  buffers(): Buffer[] {
    return [...this.namedBuffers().values()];
  }

  /** This module and those inside it, with their paths, parents first. */
  modules(): readonly (readonly [path: string, module: Module])[] {
    const found: [string, Module][] = [];
    const visit = (path: string, module: Module): void => {
      if (found.some(([, known]) => known === module)) return;
      found.push([path, module]);
      for (const [name, child] of module.children()) visit(path === '' ? name : `${path}.${name}`, child);
    };
    visit('', this);
    return found;
  }

  /** Path below the module that was called last from outside; '' at the top. */
  get path(): string {
    return this.#path;
  }

  /** True after freeze(). */
  get frozen(): boolean {
    return this.#frozen;
  }

  /** Stops training of everything inside: parameters keep their values, normalization uses its running statistics and keeps them. */
  freeze(): this {
    return this.#setFrozen(true);
  }

  /** Undoes freeze(), for everything inside. */
  unfreeze(): this {
    return this.#setFrozen(false);
  }

  /**
   * Makes all parameters from the shape of one sample, without computing anything.
   * @param sample the input's shape without its batch axis
   * @returns the output's shape without its batch axis; of several outputs that of the first
   * @throws E2xx and E3xx with the layer's path where shapes do not fit
   */
  build(sample: Shape, options: BuildOptions = {}): Shape {
    if (options.seed !== undefined) this.#givenSeed = options.seed;
    const model = this as unknown as Model;
    const output = tracing(new Trace('eval'), () => model.forward(zeros([BUILD_BATCH, ...sample], options.dtype)));
    return shapeOf(output)?.slice(1) ?? [];
  }

  /** The shape of the last output that was traced, batch included. */
  get outputShape(): Shape | undefined {
    return this.#outputShape;
  }

  /** Shape and dtype of what the last traced call was given, batch included; undefined before it, or if that was not tensors alone. */
  get inputs(): readonly InputSpec[] | undefined {
    return this.#inputs;
  }

  /** What draws of this module start from. */
  get seed(): number {
    return this.#givenSeed ?? this.#inheritedSeed;
  }

  /**
   * Puts `around` between every call of the module and its `forward`, after `setup`; what was put there first is outermost.
   * @returns takes it away again
   */
  surround(around: Around): () => void {
    this.#around = [...this.#around, around];
    bumpStructure();
    return () => {
      this.#around = this.#around.filter((other) => other !== around);
      bumpStructure();
    };
  }

  /** Frees the storage of everything inside. Steps that use the module cannot run any more. */
  dispose(): void {
    for (const [, module] of this.modules()) for (const [, value] of module.#entries()) if (value instanceof Ref) value.dispose();
  }

  [Symbol.dispose](): void {
    this.dispose();
  }

  /** A parameter with first values that depend on seed, path and name alone. For `setup`. */
  protected param(name: string, shape: Shape, initializer: Initializer, fans: Fans): Param {
    const path = this.#pathOf(name);
    checkSize(path, shape, currentTrace().where());
    const made = new Param({ shape, name: path, data: initializer(shape, fans, new RandomStream(this.seed, path)) });
    if (this.#frozen || !this.trains(made)) made.trainable = false;
    return made;
  }

  /** A buffer filled with one value, or with values row by row. For `setup`, which must not `write` them: that waits for the step that runs it. */
  protected buffer(name: string, shape: Shape, value: number | ArrayLike<number>): Buffer {
    return new Buffer({ shape, name: this.#pathOf(name), data: typeof value === 'number' ? new Float32Array(sizeOf(shape)).fill(value) : value });
  }

  #pathOf(name: string): string {
    return this.#path === '' ? name : `${this.#path}.${name}`;
  }

  #enter(forward: () => Tensor, inputs: readonly Tensor[]): Tensor {
    const children = this.children();
    for (const [name, child] of children) child.#adopt(this, name);
    const name = this.#name === '' ? 'model' : this.#name;
    const label = children.length > 0 ? name : `${name} (${this.describe()})`;
    return withPath(label, () => {
      if (!this.#ready) {
        this.setup(...inputs);
        this.#ready = true;
      }
      const output = this.#around.reduceRight<() => Tensor>((call, around) => () => around(call), forward)();
      this.#outputShape = shapeOf(output);
      this.#inputs = inputs.every((x) => x instanceof Tensor) ? inputs.map(({ shape, dtype }) => ({ shape, dtype })) : undefined;
      return output;
    });
  }

  #adopt(parent: Module, name: string): void {
    this.#name = name;
    this.#path = parent.#pathOf(name);
    this.#inheritedSeed = parent.seed;
  }

  #setFrozen(frozen: boolean): this {
    for (const [, module] of this.modules()) {
      module.#frozen = frozen;
      for (const [, value] of module.#entries()) if (value instanceof Param) value.trainable = !frozen && module.trains(value);
    }
    bumpStructure();
    return this;
  }

  #refs<R extends Ref>(wanted: (ref: unknown) => ref is R): Map<string, R> {
    const found = new Map<string, R>();
    const seen = new Set<unknown>();
    for (const [path, module] of this.modules()) {
      if (!module.#ready && module.setup !== Module.prototype.setup) throw faults.notBuilt(module.describe(), path);
      for (const [name, value] of module.#entries()) {
        if (!wanted(value) || seen.has(value)) continue;
        seen.add(value);
        found.set(path === '' ? name : `${path}.${name}`, value);
      }
    }
    return found;
  }

  /** Properties and the elements of arrays in properties, of arrays in arrays too. */
  #entries(): [string, unknown][] {
    return Object.entries(this).flatMap(([key, value]) => elements(key, value));
  }
}

function elements(key: string, value: unknown): [string, unknown][] {
  return Array.isArray(value) ? value.flatMap((element: unknown, i) => elements(`${key}.${i}`, element)) : [[key, value]];
}

/** The shape of an output, or of the first tensor in it if there are several. */
function shapeOf(output: unknown): Shape | undefined {
  if (output instanceof Tensor) return output.shape;
  return typeof output === 'object' && output !== null ? shapeOf(Object.values(output).find((part) => part instanceof Tensor)) : undefined;
}
