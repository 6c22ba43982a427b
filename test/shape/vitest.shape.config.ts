// The shape tests alone, for `npm run check`: no database, no model.
import { defineConfig } from 'vitest/config';

export default defineConfig({ test: { include: ['test/shape/*.test.ts'] } });
