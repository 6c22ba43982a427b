// What is built into the inference library must not report to its maker. Every npm script starts through
// bots/boot.mjs, this test included, so the switch must be set here.
import { expect, it } from 'vitest';

it("runs with onnxruntime's telemetry switched off, as every npm script does", () => {
  expect(process.env.ORT_DISABLE_TELEMETRY).toBe('1');
});
