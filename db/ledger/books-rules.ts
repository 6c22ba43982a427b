/**
 * The rules of the books as SQL, each a query for the rows that break it: none when it holds. Used by books.ts, which alone
 * runs them. Every query gives `at` (order; the lowest is the first difference), `amount` (by how much, nano) and `difference`
 * (a sentence that names the account, transfer, hold or call). Set-based: each reads a table once, so a million transfers take
 * seconds. Entries of transfers in `entry_pending` are not yet in the stored balances of accounts that wait for the roll-up.
 */

export interface BooksRule {
  /** What holds, as a lowercase code. */
  readonly name: string;
  readonly meaning: string;
  /** What the figure of a broken rule tells: how many rows break it, or the largest amount by which. */
  readonly figure?: 'count' | 'largest amount';
  readonly broken: string;
}

/** How long a hold may stay open after it expired: the job that gives it back runs every minute. */
const HOLD_GRACE_MINUTES = 15;

const account = (a: string) => `${a}.kind || ' of ' || ${a}.owner_id || ' (account ' || ${a}.id || ')'`;

/** Entries that are in their account's stored balance: all but what waits for the roll-up. */
const WAITING = `
  select e.account_id, sum(e.amount_nano) as amount, count(*) as lines
    from entry_pending p join entry e on e.transfer_id = p.transfer_id join account k on k.id = e.account_id
    where ledger_entry_waits(k.kind, e.amount_nano) group by e.account_id`;

const ENTRIES: readonly BooksRule[] = [
  {
    name: 'entries_sum_to_zero',
    meaning: 'all entries of an asset sum to zero (largest difference, nano)',
    figure: 'largest amount',
    broken: `select 0 as at, abs(sum(total)) as amount, 'the entries of ' || asset || ' sum to ' || sum(total) || ' nano' as difference
      from (select account_id, sum(amount_nano) as total from entry group by account_id) s join account a on a.id = s.account_id
      group by asset having sum(total) <> 0`,
  },
  {
    name: 'transfers_sum_to_zero',
    meaning: 'each transfer sums to zero (transfers that do not)',
    broken: `select transfer_id as at, sum(amount_nano) as amount,
        'transfer ' || transfer_id || ' is off by ' || sum(amount_nano) || ' nano' as difference
      from entry group by transfer_id having sum(amount_nano) <> 0`,
  },
  {
    name: 'entries_have_their_asset',
    meaning: 'each entry has a transfer and an account of one asset (entries that do not)',
    broken: `select e.transfer_id as at, e.amount_nano as amount,
        'transfer ' || e.transfer_id || ', line ' || e.line || ': no transfer and account of one asset' as difference
      from entry e left join transfer t on t.id = e.transfer_id left join account a on a.id = e.account_id
      where t.asset is null or a.asset is null or t.asset <> a.asset`,
  },
  {
    name: 'balances_match_entries',
    meaning:
      'each stored balance is the sum of its entries, but for those that wait for the roll-up, and its version their number (accounts that differ)',
    broken: `select a.id as at, a.balance_nano - coalesce(e.total, 0) + coalesce(w.amount, 0) as amount,
        'the balance of ' || ${account('a')} || ' is ' || a.balance_nano || ' nano in version ' || a.version || ', its entries make '
          || coalesce(e.total, 0) - coalesce(w.amount, 0) || ' in ' || coalesce(e.lines, 0) - coalesce(w.lines, 0)
          || ', the last in transfer ' || coalesce(e.last::text, '(none)') as difference
      from account a
        left join (select account_id, sum(amount_nano) as total, count(*) as lines, max(transfer_id) as last
          from entry group by account_id) e on e.account_id = a.id
        left join (${WAITING}) w on w.account_id = a.id
      where a.balance_nano <> coalesce(e.total, 0) - coalesce(w.amount, 0)
        or a.version <> coalesce(e.lines, 0) - coalesce(w.lines, 0)`,
  },
  {
    name: 'no_overdraft',
    meaning: 'no account is negative but treasury and vault (accounts that are)',
    broken: `select a.id as at, a.balance_nano as amount, ${account('a')} || ' is at ' || a.balance_nano || ' nano' as difference
      from account a where a.balance_nano < 0 and a.kind not in ('treasury', 'vault')`,
  },
  {
    name: 'never_overdrawn',
    meaning:
      'entry by entry, in their order, no account ever was negative but treasury and vault (accounts that were)',
    // an account's money goes out under its lock, before the transfer draws its number: the order of numbers is that of events
    broken: `select distinct on (account_id) account_id as at, running as amount,
        ${account('a')} || ' stood at ' || running || ' nano after transfer ' || transfer_id as difference
      from (select account_id, transfer_id, sum(amount_nano) over (partition by account_id order by transfer_id, line
          rows unbounded preceding) as running from entry) r
        join account a on a.id = r.account_id
      where running < 0 and a.kind not in ('treasury', 'vault') order by account_id, transfer_id`,
  },
];

const HOLDS: readonly BooksRule[] = [
  {
    name: 'holds_match_sources',
    meaning: 'each hold was taken from the grant and the balance that it names (holds that were not)',
    broken: `select h.hold_transfer_id as at, h.amount_nano as amount,
        'hold ' || h.id || ' of call ' || h.call_id || ' is not what transfer ' || h.hold_transfer_id || ' took' as difference
      from hold h left join (
        select e.transfer_id, sum(e.amount_nano) filter (where a.kind = 'user_grant') as granted,
          sum(e.amount_nano) filter (where a.kind = 'user') as paid, sum(e.amount_nano) filter (where a.kind = 'hold') as held,
          min(a.owner_id) as owner_id, max(a.owner_id) as last_owner_id
        from transfer t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
        where t.kind = 'hold' group by e.transfer_id) s on s.transfer_id = h.hold_transfer_id
      where (coalesce(s.granted, 0), coalesce(s.paid, 0), coalesce(s.held, 0))
          is distinct from (-h.grant_nano::numeric, -h.balance_nano::numeric, h.amount_nano::numeric)
        or (h.amount_nano > 0 and (s.owner_id <> h.owner_id or s.last_owner_id <> h.owner_id))`,
  },
  {
    name: 'holds_have_transfers',
    meaning:
      'each hold, capture, void and expiry is of one hold, and each hold has its own (transfers without)',
    broken: `select t.id as at, 0 as amount, t.kind || ' ' || t.id || ' belongs to ' || count(h.id) || ' holds' as difference
      from transfer t left join (
        select hold_transfer_id as transfer_id, id, 'hold' as kind, call_id from hold
        union all select settle_transfer_id, id,
          case state when 'captured' then 'capture' when 'voided' then 'void' else 'expire' end, call_id
          from hold where state <> 'open') h on h.transfer_id = t.id and h.kind = t.kind and h.call_id = t.call_id
      where t.kind in ('hold', 'capture', 'void', 'expire') group by t.id having count(h.id) <> 1
      union all
      select h.hold_transfer_id, 0, 'hold ' || h.id || ' has no transfer' from hold h
        left join transfer t on t.id = h.hold_transfer_id and t.kind = 'hold' and t.call_id = h.call_id
        left join transfer s on s.id = h.settle_transfer_id and s.call_id = h.call_id
          and s.kind = case h.state when 'captured' then 'capture' when 'voided' then 'void' else 'expire' end
        where t.id is null or (s.id is null and h.state <> 'open')`,
  },
  {
    name: 'captures_sum_to_parts',
    meaning: 'each captured hold is the sum of its parts and of what was released (holds that are not)',
    broken: `select h.settle_transfer_id as at, h.captured_nano - coalesce(s.parts, 0) as amount,
        'hold ' || h.id || ' of call ' || h.call_id || ': captured ' || h.captured_nano || ' nano, the parts in transfer '
          || h.settle_transfer_id || ' sum to ' || coalesce(s.parts, 0) as difference
      from hold h left join (
        select h.id, sum(e.amount_nano) filter (where not own) as parts,
          sum(e.amount_nano) filter (where own and a.kind = 'hold') as unheld,
          sum(e.amount_nano) filter (where own and a.kind = 'user_grant') as to_grant,
          sum(e.amount_nano) filter (where own and a.kind = 'user') as to_balance
        from hold h join entry e on e.transfer_id = h.settle_transfer_id join account a on a.id = e.account_id
          cross join lateral (select a.owner_id = h.owner_id and a.kind in ('user', 'user_grant', 'hold') as own) o
        where h.state = 'captured' group by h.id) s on s.id = h.id
      where h.state = 'captured' and (coalesce(s.parts, 0) <> h.captured_nano or coalesce(s.unheld, 0) <> -h.amount_nano
        or coalesce(s.to_grant, 0) <> h.grant_nano - least(h.captured_nano, h.grant_nano)
        or coalesce(s.to_balance, 0) <> h.balance_nano - (h.captured_nano - least(h.captured_nano, h.grant_nano)))`,
  },
  {
    name: 'releases_match_sources',
    meaning: 'a hold given back returned to each source what came from it (holds that did not)',
    broken: `select h.settle_transfer_id as at, h.amount_nano as amount,
        'hold ' || h.id || ' of call ' || h.call_id || ' was not given back as it was taken by transfer ' || h.settle_transfer_id as difference
      from hold h left join (
        select h.id, sum(e.amount_nano) filter (where a.kind = 'user_grant') as to_grant,
          sum(e.amount_nano) filter (where a.kind = 'user') as to_balance
        from hold h join entry e on e.transfer_id = h.settle_transfer_id join account a on a.id = e.account_id
        where h.state in ('voided', 'expired') and a.owner_id = h.owner_id group by h.id) s on s.id = h.id
      where h.state in ('voided', 'expired')
        and (coalesce(s.to_grant, 0) <> h.grant_nano or coalesce(s.to_balance, 0) <> h.balance_nano)`,
  },
  {
    name: 'holds_end_once',
    meaning: 'no call is captured, voided or expired more than once (calls that are)',
    broken: `select max(id) as at, 0 as amount,
        'call ' || call_id || ' ended ' || count(*) || ' times, the last in transfer ' || max(id) as difference
      from transfer where kind in ('capture', 'void', 'expire') group by call_id having count(*) > 1`,
  },
  {
    name: 'open_holds_are_funded',
    meaning: 'what people have on hold is the sum of their open holds (people for whom it is not)',
    broken: `select 0 as at, sum(amount) as amount,
        'hold of ' || owner_id || ' has ' || sum(amount) || ' nano more than the open holds' as difference
      from (select owner_id, balance_nano as amount from account where kind = 'hold'
        union all select owner_id, -amount_nano from hold where state = 'open') u
      group by owner_id having sum(amount) <> 0`,
  },
  {
    name: 'no_overdue_holds',
    meaning: `no hold is open ${HOLD_GRACE_MINUTES} minutes after it expired (holds that are)`,
    broken: `select hold_transfer_id as at, amount_nano as amount,
        'hold ' || id || ' of call ' || call_id || ' expired at ' || expires_at || ' and is open' as difference
      from hold where state = 'open' and expires_at < now() - interval '${HOLD_GRACE_MINUTES} minutes'`,
  },
];

const CALLS: readonly BooksRule[] = [
  {
    name: 'calls_match_holds',
    meaning:
      "each call's price is what was captured for it, and nothing where it was voided (calls that differ)",
    broken: `select c.seq as at, c.price_nano as amount,
        'call ' || c.id || ' is ' || c.state || ' at ' || coalesce(c.price_nano::text, 'no') || ' nano, its hold '
          || coalesce(h.state || ' at ' || h.captured_nano, 'missing') as difference
      from call c left join hold h on h.id = c.hold_id
      where (c.state = 'captured' and (h.state is distinct from 'captured' or h.captured_nano <> c.price_nano))
        or (c.state = 'voided' and h.state in ('captured', 'open'))`,
  },
  {
    name: 'attributed_pools_are_empty',
    meaning: 'the data pool of an attributed call is empty (pools that are not)',
    broken: `select c.seq as at, a.balance_nano as amount,
        'the pool of call ' || c.id || ' has ' || a.balance_nano || ' nano left' as difference
      from account a join call c on c.id = a.owner_id
      where a.kind = 'call_pool' and a.balance_nano <> 0 and c.attributed_at is not null`,
  },
  {
    name: 'shares_match_splits',
    meaning:
      'the shares shown for a call sum to what its split paid to contributors (calls for which they do not)',
    broken: `select 0 as at, sum(amount) as amount,
        'the shares of call ' || call_id || ' are ' || sum(amount) || ' nano more than its split' as difference
      from (select call_id, amount_nano as amount from call_share
        union all
        select c.id, -e.amount_nano from call c join transfer t on t.call_id = c.id join entry e on e.transfer_id = t.id
          join account a on a.id = e.account_id where t.kind = 'split' and a.kind = 'contributor') u
      group by call_id having sum(amount) <> 0`,
  },
  {
    name: 'trial_earnings_match_grants',
    meaning:
      'what is kept as earned from trial credit is the grant’s part of what each call paid (earnings for which it is not)',
    // rounded up, so that what may be paid out is never above what was paid in (017-trial-earnings)
    broken: `select coalesce(e.at, 0) as at, coalesce(e.amount, 0) - coalesce(t.amount_nano, 0) as amount,
        coalesce(t.call_id, e.call_id) || ' paid ' || coalesce(t.owner_id, e.owner_id) || ' ' || coalesce(e.amount, 0)
          || ' nano of trial credit, noted are ' || coalesce(t.amount_nano, 0) as difference
      from (select max(t.id) as at, h.call_id, a.kind, a.owner_id,
            ceil(sum(e.amount_nano) * least(h.captured_nano, h.grant_nano) / h.captured_nano::numeric) as amount
          from call c join hold h on h.id = c.hold_id join transfer t on t.call_id = h.call_id and t.kind in ('capture', 'split')
            join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
          where c.state = 'captured' and h.grant_nano > 0 and h.captured_nano > 0 and e.amount_nano > 0
            and a.kind in ('contributor', 'creator', 'node', 'platform')
          group by h.id, a.kind, a.owner_id) e
        full join trial_earning t on t.call_id = e.call_id and t.kind = e.kind and t.owner_id = e.owner_id
      where coalesce(e.amount, 0) <> coalesce(t.amount_nano, 0)`,
  },
  {
    name: 'refunds_within_captures',
    meaning: 'no call gave back more than was captured for it (calls that did)',
    broken: `select max(r.id) as at, sum(r.amount) as amount,
        'call ' || r.call_id || ' gave back ' || sum(r.amount) || ' nano of ' || coalesce(max(h.captured_nano), 0)
          || ', the last in transfer ' || max(r.id) as difference
      from (select t.id, t.call_id, sum(e.amount_nano) filter (where e.amount_nano > 0) as amount
        from transfer t join entry e on e.transfer_id = t.id where t.kind = 'refund' group by t.id) r
        left join hold h on h.call_id = r.call_id and h.state = 'captured'
      group by r.call_id having coalesce(sum(r.amount), 0) > coalesce(max(h.captured_nano), 0)`,
  },
];

const CHAIN: readonly BooksRule[] = [
  {
    name: 'chain_kinds_keep_to_their_accounts',
    meaning:
      'vault and claimable move by deposits, payouts, claims and corrections only, and by nothing else those (entries that do not)',
    broken: `select e.transfer_id as at, e.amount_nano as amount,
        t.kind || ' ' || t.id || ' moves ' || ${account('a')} as difference
      from transfer t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
      where t.kind in ('deposit', 'payout', 'claim')
        and not (t.kind, a.kind, sign(e.amount_nano)) in (
          ('deposit', 'vault', -1), ('deposit', 'user', 1), ('deposit', 'treasury', 1),
          ('payout', 'contributor', -1), ('payout', 'creator', -1), ('payout', 'node', -1), ('payout', 'platform', -1),
          ('payout', 'user', -1), ('payout', 'claimable', 1), ('claim', 'claimable', -1), ('claim', 'vault', 1))
      union all
      select e.transfer_id, e.amount_nano, t.kind || ' ' || t.id || ' moves ' || ${account('a')}
      from transfer t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
      where a.kind in ('vault', 'claimable') and t.kind not in ('deposit', 'payout', 'claim', 'correction')`,
  },
  {
    name: 'claimable_is_paid_out_not_claimed',
    meaning:
      'what a wallet can claim is all that was paid out to it but what it claimed (wallets that differ)',
    broken: `select a.id as at, a.balance_nano - coalesce(s.amount, 0) as amount,
        ${account('a')} || ' is at ' || a.balance_nano || ' nano, payouts but claims make ' || coalesce(s.amount, 0) as difference
      from account a left join (
        select e.account_id, sum(e.amount_nano) as amount from transfer t join entry e on e.transfer_id = t.id
        where t.kind in ('payout', 'claim', 'correction') group by e.account_id) s on s.account_id = a.id
      where a.kind = 'claimable' and a.balance_nano <> coalesce(s.amount, 0)`,
  },
  {
    name: 'payouts_are_written_down',
    meaning:
      'what the epochs’ payouts tell is what their transfers moved to each wallet (wallets that differ)',
    broken: `select 0 as at, sum(amount) as amount,
        'the payouts to ' || wallet || ' tell ' || sum(amount) || ' nano more than was moved' as difference
      from (select wallet, (earned_nano + own_nano)::numeric as amount from payout
        union all
        select a.owner_id, -e.amount_nano from transfer t join entry e on e.transfer_id = t.id join account a on a.id = e.account_id
          where a.kind = 'claimable' and t.kind = 'payout' and exists (select 1 from payout)) u
      group by wallet having sum(amount) <> 0`,
  },
  {
    name: 'leaves_within_payouts',
    meaning:
      'no leaf of a claims tree stands above what was paid out to its wallet (wallets for which one does)',
    broken: `select 0 as at, max(l.cumulative_nano) as amount,
        'the leaf of ' || l.wallet || ' stands at ' || max(l.cumulative_nano) || ' nano' as difference
      from claim_leaf l left join (
        select a.owner_id, sum(e.amount_nano) as amount from transfer t join entry e on e.transfer_id = t.id
          join account a on a.id = e.account_id where a.kind = 'claimable' and t.kind = 'payout' group by a.owner_id) s
        on s.owner_id = l.wallet
      group by l.wallet having max(l.cumulative_nano) > coalesce(max(s.amount), 0)`,
  },
  {
    name: 'vault_mirrors_logs',
    meaning:
      'the vault’s account is minus the deposits and plus the claims of the chain’s final logs, one transfer a log (logs or transfers that differ)',
    broken: `select coalesce(t.id, 0) as at, l.amount_nano as amount,
        coalesce(l.kind || ' in transaction ' || l.tx_hash || ', log ' || l.log_index, 'no log') || ' for ' || coalesce(l.amount_nano, 0)
          || ' nano, ' || coalesce(t.kind || ' ' || t.id || ' for ' || abs(t.amount_nano), 'no transfer') as difference
      from (select * from chain_event where kind in ('deposit', 'claim') and state in ('credited', 'lost')) l
        full join (select t.id, t.kind, e.amount_nano from transfer t join entry e on e.transfer_id = t.id
          join account a on a.id = e.account_id where a.kind = 'vault' and t.kind in ('deposit', 'claim')) t
        on t.id = l.transfer_id
      where exists (select 1 from chain_event)
        and (t.id is null or l.tx_hash is null or t.kind <> l.kind
          or t.amount_nano <> case l.kind when 'deposit' then -l.amount_nano else l.amount_nano end)`,
  },
];

export const BOOKS_RULES: readonly BooksRule[] = [...ENTRIES, ...HOLDS, ...CALLS, ...CHAIN];
