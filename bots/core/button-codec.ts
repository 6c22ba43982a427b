// What a button or a form is for, as a string of at most 48 bytes, and back. Used by commands (to make buttons and to
// route presses) and by platforms (to know which presses open a form). Old buttons stay in chats for years: a string
// that this version did not write decodes to null and the person is told so, never an error.
// Layout: version digit, two-letter code, argument. Invariant: decode(encode(action)) equals action.

/** Every thing a button may ask for: [code, argument name or null, opens a form]. */
const KINDS = {
  stop: ['st', 'run', false],
  rate_up: ['up', 'callId', false],
  rate_down: ['dn', 'callId', false],
  why: ['wy', 'callId', false],
  why_refresh: ['wr', 'callId', false],
  sentences: ['se', 'callId', false],
  again: ['ag', 'callId', false],
  receipt: ['rc', 'number', false],
  earnings: ['er', 'period', false],
  help: ['hp', null, false],
  balance: ['ba', null, false],
  budgets: ['bu', null, false],
  history: ['hi', 'page', false],
  ask_back_no: ['cb', null, false],
  refund_sure: ['fy', 'draft', false],
  refund_no: ['fn', 'draft', false],
  models: ['ms', null, false],
  model: ['mo', 'slug', false],
  choose: ['ch', 'slug', false],
  example: ['ex', 'slug', false],
  datanets: ['ds', null, false],
  datanet: ['dt', 'slug', false],
  contribute: ['cf', 'slug', true],
  contribution: ['cs', 'slug', false],
  consent: ['cy', 'draft', false],
  decline: ['cn', 'draft', false],
  review_next: ['rn', null, false],
  accept: ['ra', 'contributionId', false],
  reject: ['rf', 'contributionId', true],
  reject_reason: ['rr', 'contributionId', false],
  form_gone: ['fg', null, false],
  correct: ['ce', 'callId', true],
  correction: ['cr', 'callId', false],
  vote_consent: ['vy', 'slug', false],
  vote_decline: ['vn', null, false],
  trainings: ['tn', null, false],
  training_curve: ['tc', 'runId', false],
  training_cancel: ['tx', 'runId', false],
  withdraw_sure: ['wd', null, false],
  training_cancel_sure: ['ty', 'runId', false],
} as const satisfies Record<string, readonly [code: string, argument: string | null, opensForm: boolean]>;

export type ActionKind = keyof typeof KINDS;

/** One thing to do; `argument` is '' for kinds that take none. */
interface ButtonAction {
  readonly kind: ActionKind;
  readonly argument: string;
}

const VERSION = '1';
export const ACTION_BYTES_MAX = 48;

const kindOfCode = new Map<string, ActionKind>(
  (Object.keys(KINDS) as ActionKind[]).map((kind) => [KINDS[kind][0], kind]),
);

/**
 * The button string of an action.
 * @throws RangeError when it would not fit into 48 bytes, or an argument is missing or surplus (a bug of ours)
 */
export function encodeAction(kind: ActionKind, argument = ''): string {
  const [code, argumentName] = KINDS[kind];
  if ((argumentName === null) !== (argument === '')) {
    throw new RangeError(`A ${kind} button takes ${argumentName ?? 'no argument'}, got "${argument}".`);
  }
  const encoded = `${VERSION}${code}${argument}`;
  if (Buffer.byteLength(encoded) > ACTION_BYTES_MAX) {
    throw new RangeError(`The ${kind} button "${encoded}" is longer than ${ACTION_BYTES_MAX} bytes.`);
  }
  return encoded;
}

/** The action of a button string, or null when this version did not write it. */
export function decodeAction(encoded: string): ButtonAction | null {
  if (!encoded.startsWith(VERSION) || Buffer.byteLength(encoded) > ACTION_BYTES_MAX) return null;
  const kind = kindOfCode.get(encoded.slice(1, 3));
  if (kind === undefined) return null;
  const argument = encoded.slice(3);
  return (KINDS[kind][1] === null) === (argument === '') ? { kind, argument } : null;
}

/** Whether the handler of this press opens a form first: a platform must then not acknowledge it in another way. */
export function actionOpensForm(encoded: string): boolean {
  const action = decodeAction(encoded);
  return action !== null && KINDS[action.kind][2];
}
