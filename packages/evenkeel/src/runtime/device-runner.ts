/** Runs a compiled plan on the device. */
import { InternalError } from '../base/index.ts';
import type { TypedArray } from '../base/index.ts';
import { plan as compilePlan } from '../compiler/index.ts';
import type { Program } from '../graph/index.ts';
import { checkBound } from './feed.ts';
import type { Feed } from './feed.ts';
import type { Runner } from './runner.ts';
import { openDevice } from './state.ts';
import { Variable } from './variable.ts';

export async function deviceRunner(program: Program): Promise<Runner> {
  const { device, residents } = await openDevice();
  const plan = compilePlan(program, { tile: device.tile });
  const place = (ref: object): number => variableOf(ref).placeOn(device, residents);
  const executable = await device.load(plan, place);
  const variables = plan.refs.map((buffer) => variableOf(buffer.ref));
  return {
    plan,
    async run(feeds: readonly Feed[]): Promise<TypedArray[]> {
      plan.inputs.forEach((buffer, slot) => {
        if (buffer.bound !== undefined) checkBound('step', feeds[slot].name ?? buffer.name, feeds[slot], buffer.bound);
      });
      for (const variable of variables) variable.upload(device);
      plan.inputs.forEach((buffer, slot) => executable.write(buffer, feeds[slot].data));
      await executable.run();
      return plan.outputs.map((buffer) => executable.read(buffer));
    },
    dispose: () => executable.dispose(),
  };
}

function variableOf(ref: object | undefined): Variable {
  if (ref instanceof Variable) return ref;
  throw new InternalError('the ref of a plan is not a variable');
}
