// A vitest reporter that prints why each skipped test was skipped and the plain closing line "N passed, N failed, N skipped".
// Used by vitest.config.ts. It knows nothing of what the tests test.
import type { Reporter, SerializedError, TestCase, TestModule } from 'vitest/node';

function allTests(modules: readonly TestModule[]): readonly TestCase[] {
  return modules.flatMap((module) => [...module.children.allTests()]);
}

/**
 * Prints `N passed, N failed, N skipped` alone on the last line. A test file that could not run counts as one failure, and so
 * does an error outside of all tests, such as a process of tests that died.
 */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[], unhandled: readonly SerializedError[]): void {
    const tests = allTests(modules);
    const count = (state: 'passed' | 'failed' | 'skipped') =>
      tests.filter((test) => test.result().state === state).length;
    const brokenFiles = modules.filter((module) => module.errors().length > 0).length;
    for (const test of tests) {
      const result = test.result();
      if (result.state === 'skipped')
        console.log(`skipped: ${test.fullName}${result.note ? ` (${result.note})` : ''}`);
    }
    const failed = count('failed') + brokenFiles + unhandled.length;
    console.log(`\n${count('passed')} passed, ${failed} failed, ${count('skipped')} skipped`);
  }
}
