// Contributions and corrections that wait for their author's consent: the form comes first, the licence is agreed to once,
// then the draft goes in. Used by /contribute and ✏️; kept by drafts.ts.

interface NewDraft {
  readonly kind: 'contribution';
  readonly userKey: string;
  readonly datanetSlug: string;
  readonly question: string;
  readonly answer: string;
}

interface CorrectionDraft {
  readonly kind: 'correction';
  readonly userKey: string;
  readonly callId: string;
  readonly answer: string;
}

export type ContributionDraft = NewDraft | CorrectionDraft;
