// A vitest reporter that prints why each skipped test was skipped and the plain closing line "N passed, N failed, N skipped".
// Used by vitest.config.ts. It knows nothing of what the tests test.
import type { Reporter, TestCase, TestModule } from 'vitest/node';

function allTests(modules: readonly TestModule[]): readonly TestCase[] {
  return modules.flatMap((module) => [...module.children.allTests()]);
}

/** Prints `N passed, N failed, N skipped` alone on the last line; a test file that could not run counts as one failure. */
export default class ClosingLineReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const tests = allTests(modules);
    const count = (state: 'passed' | 'failed' | 'skipped') =>
      tests.filter((test) => test.result().state === state).length;
    const brokenFiles = modules.filter((module) => module.errors().length > 0).length;
    for (const test of tests) {
      const result = test.result();
      if (result.state === 'skipped')
        console.log(`skipped: ${test.fullName}${result.note ? ` (${result.note})` : ''}`);
    }
    console.log(
      `\n${count('passed')} passed, ${count('failed') + brokenFiles} failed, ${count('skipped')} skipped`,
    );
  }
}
