// What a contributor agrees to, said once per datanet and recorded with its version. Used by contribute.ts, give-consent.ts,
// feedback/ and the demo's seed. A changed text is a new version: everybody is asked again, and what was given under the
// old one is used only as the old one said. Version 2 added votes and the questions voted on.

export const CONSENT_VERSION = '2';

/** The sentence a person says yes to before the first contribution to a datanet of this licence, or the first vote that trains. */
export function consentText(datanetTitle: string, licence: string): string {
  return (
    `What I contribute to ${datanetTitle} is mine to give or free for anyone to use. I publish it under ${licence}, ` +
    'under my pseudonym; models are trained on it, and I am paid whenever it helps to answer. ' +
    'My votes on its models’ answers, with the questions I asked, train the next version too; they are not published. ' +
    'I leave out personal data, mine and that of others.'
  );
}
