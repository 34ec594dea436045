/** The storage of a Ref: values that outlive a step. They live on the host until a device needs them, then on the device. */
import { allocate, BYTES_PER_ELEMENT, Fault, formatShape, sizeOf } from '../base/index.ts';
import type { DType, Shape, TypedArray } from '../base/index.ts';
import type { Device } from '../backends/index.ts';
import { currentDevice, queue } from './state.ts';
import type { OpenDevice } from './state.ts';

/** What 32-bit addresses reach. */
const MOST_BYTES = 2 ** 32;

/**
 * Refuses values that no device could hold, before the host makes room for them.
 * @throws E605 for more than 4 GiB
 */
export function checkSize(name: string, shape: Shape, where?: string): void {
  const bytes = sizeOf(shape) * BYTES_PER_ELEMENT;
  if (bytes <= MOST_BYTES) return;
  throw new Fault({
    code: 'E605', op: name, rule: 'a tensor must fit into 4 GiB', detail: [`${formatShape(shape)} takes ${(bytes / 2 ** 30).toFixed(1)} GiB`],
    where, hint: 'make the layer smaller, or what flows into it, for example by pooling before flatten',
  });
}

/** Where a variable's values lie on a device. */
export interface Place {
  readonly variable: WeakRef<Variable>;
  readonly address: number;
  /** The device's. */
  readonly generation: object;
}

/** Frees the places of variables that nobody can reach any more: a model that is dropped need not be disposed. */
const forgotten = new FinalizationRegistry<Place>(release);

function release(place: Place): void {
  const open = currentDevice();
  if (!open || open.generation !== place.generation) return;
  open.residents.delete(place);
  open.device.release(place.address);
}

export class Variable {
  readonly shape: Shape;
  readonly dtype: DType;
  readonly name: string;
  readonly size: number;
  /** Counts the values it was given, so that a tensor built on an older one can be told. */
  version = 0;
  private host: TypedArray | undefined;
  private place: Place | undefined;
  private disposed = false;

  /** @param initial as many elements as `shape` has; default: zeros. It is copied. @throws E401 for another number of elements; E605 for more than 4 GiB */
  constructor(spec: { readonly shape: Shape; readonly dtype: DType; readonly name: string }, initial?: ArrayLike<number>) {
    checkSize(spec.name, spec.shape);
    this.shape = [...spec.shape];
    this.dtype = spec.dtype;
    this.name = spec.name;
    this.size = sizeOf(spec.shape);
    this.host = this.copied(initial ?? []);
  }

  /** A copy of the values, once everything asked for before is done. */
  read(): Promise<TypedArray> {
    return queue.add(() => this.peek().slice());
  }

  /** Replaces the values (copied now) after everything asked for before is done. @throws E401 for another number of elements */
  write(data: ArrayLike<number>): void {
    this.checkAlive();
    const values = this.copied(data, true);
    this.version++;
    if (queue.idle) this.replace(values);
    else void queue.add(() => this.replace(values));
  }

  /** Frees the storage. Steps that use the variable cannot run any more. */
  dispose(): void {
    this.disposed = true;
    this.host = undefined;
    this.vacate();
  }

  /** For the runtime, inside the queue: the values now, as they lie on the host or a copy from the device. */
  peek(): TypedArray {
    this.checkAlive();
    if (this.host) return this.host;
    return currentDevice()!.device.read(this.place!.address, this.dtype, this.size);
  }

  /** For the runtime: a new value that the host computed. */
  replace(values: TypedArray): void {
    this.host = values;
  }

  /** For the runtime: its address on the device, given on first use. */
  placeOn({ device, residents, generation }: OpenDevice): number {
    this.checkAlive();
    if (!this.place) {
      const holders = (): Variable[] => [this, ...[...residents].flatMap(({ variable }) => variable.deref() ?? [])];
      const address = device.allocate(this.size * BYTES_PER_ELEMENT, holders);
      this.place = { variable: new WeakRef(this), address, generation };
      residents.add(this.place);
      forgotten.register(this, this.place, this);
    }
    return this.place.address;
  }

  /** For the runtime: moves the newest values to its place on the device. */
  upload(device: Device): void {
    this.checkAlive();
    if (!this.host || !this.place) return;
    device.write(this.place.address, this.host);
    this.host = undefined;
  }

  /** For the runtime: moves the values back to the host, because no plan uses the variable any more, or the device closes. */
  withdraw(): void {
    if (!this.place) return;
    this.host = this.peek();
    this.vacate();
  }

  private vacate(): void {
    if (this.place) release(this.place);
    this.place = undefined;
    forgotten.unregister(this);
  }

  private copied(data: ArrayLike<number>, exact = false): TypedArray {
    if ((exact || data.length > 0) && data.length !== this.size) {
      throw new Fault({
        code: 'E401', op: this.name, rule: 'the number of values must match the shape',
        detail: [`shape ${formatShape(this.shape)} holds ${this.size}, got ${data.length}`],
        hint: 'pass the values of one tensor of exactly this shape, row-major',
      });
    }
    const values = allocate(this.dtype, this.size);
    values.set(data);
    return values;
  }

  private checkAlive(): void {
    if (!this.disposed) return;
    throw new Fault({ code: 'E406', op: this.name, rule: 'its storage was disposed', hint: 'dispose a model only after its last step' });
  }
}
