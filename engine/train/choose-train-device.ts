// Decides what training computes on. Used by the training child (ENGINE_DEVICE). As for serving, a device that is named
// is used or the start fails, and `auto` takes a GPU that is right and clearly faster than the CPU; the trial is a step
// of training (train-device-main.ts), in a process of its own that a driver may crash or hang.
import type { LlamaConfig } from '../model/model-config.ts';
import { chooseDevice, type DeviceChoice, type DeviceWish } from '../serve/choose-device.ts';
import { probeDevice } from '../serve/probe-device.ts';

/** The first step on a device compiles every kernel of it. */
const trialMs = 120_000;

type ChooseOptions = NonNullable<Parameters<typeof chooseDevice>[1]> & {
  /** Added to the environment of the trial's process. */
  readonly environment?: Readonly<Record<string, string>>;
};

/**
 * @param config of the model to be trained; the trial has its heads and widths
 * @throws EngineError `device_unavailable` when a device was named and cannot be used
 */
export function chooseTrainDevice(
  wish: DeviceWish,
  config: LlamaConfig,
  { environment, ...options }: ChooseOptions = {},
): Promise<DeviceChoice> {
  const trial = { entry: new URL('train-device-main.ts', import.meta.url), input: JSON.stringify(config) };
  return chooseDevice(wish, {
    probe: (device) => probeDevice(device, { trial, environment, timeoutMs: trialMs }),
    ...options,
  });
}
