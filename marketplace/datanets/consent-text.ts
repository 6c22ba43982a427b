// What a contributor agrees to, said once per datanet and recorded with its version. Used by contribute.ts, consent.ts
// and the demo's seed. A changed text is a new version: everybody is asked again.

export const CONSENT_VERSION = '1';

/** The sentence a person says yes to before the first contribution to a datanet of this licence. */
export function consentText(datanetTitle: string, licence: string): string {
  return (
    `What I contribute to ${datanetTitle} is mine to give or free for anyone to use. I publish it under ${licence}, ` +
    'under my pseudonym; models are trained on it, and I am paid whenever it helps to answer. ' +
    'I leave out personal data, mine and that of others.'
  );
}
