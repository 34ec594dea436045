/** Runs a compiled plan on the device. */
import { InternalError } from '../base/index.ts';
import type { TypedArray } from '../base/index.ts';
import { plan as compilePlan } from '../compiler/index.ts';
import type { Plan } from '../compiler/index.ts';
import type { Program } from '../graph/index.ts';
import { checkBound } from './feed.ts';
import type { Feed } from './feed.ts';
import type { Runner } from './runner.ts';
import { currentDevice, openDevice } from './state.ts';
import type { Loaded, OpenDevice } from './state.ts';
import { Variable } from './variable.ts';

export async function deviceRunner(program: Program): Promise<Runner> {
  const open = await openDevice();
  const plan = compilePlan(program, { tile: open.device.tile });
  const loaded = await load(plan, open);
  const variables = plan.refs.map((buffer) => variableOf(buffer.ref));
  const runner: Runner = {
    plan,
    async run(feeds: readonly Feed[]): Promise<TypedArray[]> {
      if (!loaded.on) throw new InternalError('a plan was run after its device closed');
      const { device, executable } = loaded.on;
      plan.inputs.forEach((buffer, slot) => {
        if (buffer.bound !== undefined) checkBound('step', feeds[slot].name ?? buffer.name, feeds[slot], buffer.bound);
      });
      for (const variable of variables) variable.upload(device);
      plan.inputs.forEach((buffer, slot) => executable.write(buffer, feeds[slot].data));
      await executable.run();
      return plan.outputs.map((buffer) => executable.read(buffer));
    },
    dispose: () => free(loaded),
  };
  forgotten.register(runner, loaded);
  return runner;
}

async function load(plan: Plan, open: OpenDevice): Promise<Loaded> {
  const executable = await open.device.load(plan, (ref) => variableOf(ref).placeOn(open));
  const loaded: Loaded = { on: { device: open.device, executable } };
  open.loaded.add(loaded);
  return loaded;
}

/** Frees the plans of runners that nobody can reach any more: a step that is dropped need not be disposed. */
const forgotten = new FinalizationRegistry<Loaded>(free);

function free(loaded: Loaded): void {
  loaded.on?.executable.dispose();
  loaded.on = undefined;
  currentDevice()?.loaded.delete(loaded);
}

function variableOf(ref: object | undefined): Variable {
  if (ref instanceof Variable) return ref;
  throw new InternalError('the ref of a plan is not a variable');
}
