// `models export` and `models merge`: what a person sees of them. Used by models-cli.ts. Progress goes to standard error,
// the outcome (or, with --json, one JSON object) to standard output.
import { byteText } from './byte-text.ts';
import { type ExportJob, exportModel } from './export-model.ts';
import { progressLine } from './progress-line.ts';

/** @returns the exit code. @throws EngineError as exportModel */
export async function exportCommand(job: ExportJob, json: boolean): Promise<number> {
  const bar = progressLine(process.stderr);
  const onProgress = (progress: { readonly bytes: number; readonly bytesTotal: number }): void => {
    if (!json) bar.update({ ...progress, nowMs: performance.now() });
  };
  try {
    const outcome = await exportModel({ ...job, onProgress });
    bar.end();
    if (json) {
      console.log(JSON.stringify({ type: 'done', ...outcome }));
      return 0;
    }
    const { folder, files, bytes, dtypes, merged } = outcome;
    const weights = files.filter((file) => file.endsWith('.safetensors'));
    const shards = weights.length === 1 ? '' : ` in ${weights.length} files`;
    const change = job.adapter === undefined ? '' : `, ${merged} of them merged with the adapter`;
    console.log(
      `${folder} is a model of its own: ${byteText(bytes)} of ${dtypes.join(' and ')} weights${shards}${change}.\n` +
        `Try it:  npm run -s engine -- generate --model ${folder} --prompt "Once upon a time"\n` +
        `Serve it:  ENGINE_BASE_DIR=${folder} npm start`,
    );
    return 0;
  } catch (error) {
    bar.end();
    throw error;
  }
}
