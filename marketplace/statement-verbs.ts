// What a person may ask about their earnings, as verbs of the marketplace. Part of marketplace.ts and create-marketplace.ts.
import type { Person } from './marketplace.ts';
import type { MarketplaceContext } from './marketplace-context.ts';
import { readStatement } from './statements/read-statement.ts';
import type { Period, Statement, Why } from './statements/statement.ts';
import { type StatementFile, type StatementFormat, statementFile } from './statements/statement-file.ts';
import { whyPaid } from './statements/why-paid.ts';

export interface StatementVerbs {
  /** What the person earned, in every role, over a time. */
  earnings(person: Person, period: Period): Promise<Statement>;
  earningsFile(
    person: Person,
    wanted: { readonly period: Period; readonly format: StatementFormat },
  ): Promise<StatementFile>;
  /** Why a call paid the person what it paid, or nothing. @param receiptNumber as the person wrote it */
  whyPaid(person: Person, receiptNumber: string): Promise<Why>;
}

export function statementVerbs(market: MarketplaceContext): StatementVerbs {
  return {
    earnings: (person, period) => readStatement(market, person.id, period),
    earningsFile: (person, wanted) => statementFile(market, person.id, wanted),
    whyPaid: (person, receiptNumber) => whyPaid(market, person.id, receiptNumber),
  };
}
