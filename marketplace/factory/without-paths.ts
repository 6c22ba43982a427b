// The words of a fault as people may read them: of a path of this machine only its last part is left. Used by
// read-trainings.ts; the log and the database keep the whole text. Knows nothing of trainings.

/** Also Windows paths. Addresses of the web and fractions such as 3/4 stay. */
export function withoutPaths(text: string): string {
  return text.replace(
    /(?<![\w:/.])(?:[A-Za-z]:)?[\\/](?:[^\\/\s"'`:;,()]+[\\/])+([^\\/\s"'`:;,()]*)/g,
    (_, name: string) => (name === '' ? '…' : `…/${name}`),
  );
}
