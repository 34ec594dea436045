/** What the configuration of a Keras model says about its layers. */

/** A layer of a Keras model, those of models inside it included. */
export interface ConfigLayer {
  readonly name: string;
  /** Class in snake case. */
  readonly kind: string;
  readonly options: Readonly<Record<string, unknown>>;
  /** Its group in a weights file of Keras 3. */
  readonly path: string;
}

interface Serialized { readonly class_name?: unknown; readonly config?: unknown; readonly name?: unknown }

/** The layers of a serialized model in its order; undefined if it does not list layers (a subclass of Model). */
export function configLayers(model: unknown, path = 'layers'): readonly ConfigLayer[] | undefined {
  const { config } = record(model) as Serialized;
  const list = Array.isArray(config) ? config as unknown[] : record(config).layers;
  if (!Array.isArray(list)) return undefined;
  const used = new Map<string, number>();
  return list.flatMap((layer: unknown): readonly ConfigLayer[] => {
    const { class_name: type, config: options, name: outer } = record(layer) as Serialized;
    const kind = snakeCase(String(type));
    const count = used.get(kind) ?? 0;
    used.set(kind, count + 1);
    const own = `${path}/${count === 0 ? kind : `${kind}_${count}`}`;
    return configLayers(layer, `${own}/layers`) ?? [{ name: String(record(options).name ?? outer ?? kind), kind, options: record(options), path: own }];
  });
}

/** A class name as Keras makes layer names of it: BatchNormalization becomes batch_normalization, Conv2DTranspose conv2d_transpose. */
export function snakeCase(name: string): string {
  return name.replace(/\W+/g, '').replace(/(.)([A-Z][a-z]+)/g, '$1_$2').replace(/([a-z])([A-Z])/g, '$1_$2').toLowerCase();
}

function record(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? value as Readonly<Record<string, unknown>> : {};
}
