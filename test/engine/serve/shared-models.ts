// Where the real small models lie that some tests compare with, and why a test is skipped where they are not.
// Used by the .model.test.ts files of the engine.
import { existsSync } from 'node:fs';
import { join } from 'node:path';

const shared = process.env.SHARED_DIR ?? join(import.meta.dirname, '../../../../shared');
export const storiesDir = join(shared, 'data/models/stories260k-hf');
export const storiesAdapterDir = join(shared, 'data/models/stories260k-lora-random');

export const storiesMissing = existsSync(storiesDir)
  ? undefined
  : 'the stories260k weights are not on this machine (set SHARED_DIR to their folder)';
