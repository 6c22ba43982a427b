// The ways in which the contracts are broken on purpose, to see that the Solidity tests notice. Used by run-mutants.ts.
// Each takes one rule out of a source; a text that does not stand in it exactly once is an error, so that the list cannot
// outlive the code it is about.

export interface Mutant {
  /** What is missing. */
  readonly name: string;
  readonly contract: 'Open' | 'Vault' | 'Registry';
  readonly from: string;
  readonly to: string;
}

const vault = (name: string, from: string, to = ''): Mutant => ({ name, contract: 'Vault', from, to });
const registry = (name: string, from: string, to = ''): Mutant => ({ name, contract: 'Registry', from, to });

/** The rules that the invariants are about: `npm test` breaks these and runs the invariants alone. */
export const invariantMutants: readonly Mutant[] = [
  vault(
    'claim: the proof is not checked',
    'if (_rootOf(account, cumulative, proof) != root) revert InvalidProof(account, cumulative);',
  ),
  vault('claim: what was paid is not recorded', 'claimed[account] = cumulative;'),
  vault(
    'claim: paid while paused',
    'if (state.paused) revert VaultPaused();\n        bytes32 root = _activeRoot(state);',
    'bytes32 root = _activeRoot(state);',
  ),
  vault('deposit: taken while paused', 'if (_claims.paused) revert VaultPaused();'),
  vault(
    'posting: growth has no cap',
    'if (growth > limits.growthCap) revert GrowthAboveCap(growth * NANO, limits.growthCap * NANO);',
  ),
  vault('posting: need not be covered by coins', 'if (total > limits.deposited) {', 'if (false) {'),
  vault(
    'posting: counts at once',
    'uint32 activeAt = (block.timestamp + limits.postingDelay).toUint32();',
    'uint32 activeAt = block.timestamp.toUint32();',
  ),
  vault(
    'posting: numbers in no order',
    'if (epoch != uint64(state.epoch) + 1) revert WrongEpoch(epoch, uint64(state.epoch) + 1);',
  ),
  vault(
    'posting: by anybody',
    'bytes32 leafFileHash\n    ) external onlyRole(POSTER_ROLE) {',
    'bytes32 leafFileHash\n    ) external {',
  ),
  vault('veto: the vetoed root stays', '_roots[epoch & 1] = _roots[(epoch + 1) & 1];'),
  vault('claim: more than the posted total', 'state.unclaimed -= uint64(nano);'),
  registry(
    'registry: an epoch is overwritten',
    'if (entry.time != 0) revert EpochAlreadyRecorded(number, entry.hash);',
  ),
];

/** All: `node contracts/mutation-cli.ts` breaks them one after the other. */
export const mutants: readonly Mutant[] = [
  ...invariantMutants,
  vault(
    'posting: the total may fall',
    'if (total < state.posted) revert TotalFell(claimsTotal, state.posted * NANO);',
  ),
  vault(
    'posting: the total falls and growth starts at the new one',
    'if (total < state.posted) revert TotalFell(claimsTotal, state.posted * NANO);',
    'if (total < state.posted) state.posted = uint72(total);',
  ),
  vault(
    'posting: over one that waits',
    'if (state.activeAt != 0) revert PendingEpoch(state.epoch, state.activeAt);\n        if (epoch',
    'if (epoch',
  ),
  vault(
    'posting: taken while paused',
    'if (state.paused) revert VaultPaused();\n        if (state.activeAt != 0) revert',
    'if (state.activeAt != 0) revert',
  ),
  vault('posting: claims without a root', 'if (claimsRoot == 0 && total != 0) revert ZeroRoot();'),
  vault('posting: nothing in the registry', 'registry.recordEpoch(epoch, receiptsRoot, msg.sender);'),
  vault('veto: by anybody', 'external onlyRole(VETOER_ROLE) {\n        Claims', 'external {\n        Claims'),
  vault('veto: the growth stays', 'state.posted -= state.growth;'),
  vault(
    'veto: of a root that counts already',
    'if (state.activeAt == 0 || epoch != state.epoch) revert NotPending(epoch);',
    'if (epoch != state.epoch) revert NotPending(epoch);',
  ),
  vault('claim: by any root', 'if (root != expectedRoot) revert RootChanged(expectedRoot, root);'),
  vault('claim: a lower cumulative pays nothing', 'if (cumulative <= before)', 'if (cumulative < before)'),
  vault(
    'claim: to the sender',
    'open.safeTransfer(account, amount);',
    'open.safeTransfer(msg.sender, amount);',
  ),
  vault(
    'claim: the whole cumulative again',
    'uint256 amount = cumulative - before;',
    'uint256 amount = cumulative;',
  ),
  vault(
    'claim: leaves are hashed once',
    'node := keccak256(0, 32) // hashed twice: no inner node can pose as a leaf',
  ),
  vault('claim: pairs are not sorted', 'shl(5, gt(node, sibling))', '0'),
  vault('claim: pending growth counts', 'state.unclaimed += state.growth;', ''),
  vault(
    'deposit: what was said is credited',
    '_credit(open.balanceOf(address(this)) - before, ref);',
    '_credit(before - before + amount, ref);',
  ),
  vault(
    'deposit: inside a deposit',
    'function deposit(uint256 amount, bytes32 ref) external nonReentrant {',
    'function deposit(uint256 amount, bytes32 ref) external {',
  ),
  vault(
    'deposit: a used permit ends it',
    'try IERC20Permit(address(open)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}',
    'IERC20Permit(address(open)).permit(msg.sender, address(this), amount, deadline, v, r, s);',
  ),
  vault('amounts: parts of a nano', 'if (amount % NANO != 0) revert NotWholeNano(amount);'),
  vault(
    'pause: by anybody',
    'function pause() external onlyRole(PAUSER_ROLE) {',
    'function pause() external {',
  ),
  vault(
    'pause: ended by anybody',
    'function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {',
    'function unpause() external {',
  ),
  vault('pause: the clock runs on', 'if (state.activeAt != 0) state.activeAt = STOPPED;'),
  vault(
    'cap: set by anybody',
    'function setGrowthCap(uint256 cap) external onlyRole(DEFAULT_ADMIN_ROLE) {',
    'function setGrowthCap(uint256 cap) external {',
  ),
  vault(
    'delay: set by anybody',
    'function setPostingDelay(uint64 delay) external onlyRole(DEFAULT_ADMIN_ROLE) {',
    'function setPostingDelay(uint64 delay) external {',
  ),
  vault(
    'delay: without bounds',
    'if (delay < minPostingDelay || delay > MAX_POSTING_DELAY) {',
    'if (false) {',
  ),
  vault(
    'drop: by anybody',
    'function dropActiveRoot(uint256 total) external onlyRole(DEFAULT_ADMIN_ROLE) {',
    'function dropActiveRoot(uint256 total) external {',
  ),
  vault(
    'drop: while the root counts',
    'if (!state.paused) revert VaultNotPaused();\n        if (state.activeAt != 0) revert',
    'if (state.activeAt != 0) revert',
  ),
  vault(
    'drop: beside a posting that waits',
    'if (state.activeAt != 0) revert PendingEpoch(state.epoch, state.activeAt);\n        uint256 paid',
    'uint256 paid',
  ),
  vault('drop: the root stays', '_roots[state.epoch & 1] = 0;'),
  vault(
    'drop: what was claimed may be claimed again',
    'nano < paid || nano > state.posted',
    'nano > state.posted',
  ),
  vault('drop: the total may rise', 'nano < paid || nano > state.posted', 'nano < paid'),
  vault(
    'coin: of any supply',
    'if (supply > type(uint64).max * NANO) revert SupplyTooLarge(supply, type(uint64).max * NANO);',
  ),
  vault('rescue: of OPEN', 'if (address(token) == address(open)) revert NotForeign();'),
  vault(
    'rescue: by anybody',
    'function rescueForeign(IERC20 token, address to, uint256 amount) external onlyRole(DEFAULT_ADMIN_ROLE) {',
    'function rescueForeign(IERC20 token, address to, uint256 amount) external {',
  ),
  vault(
    'stray coins: counted twice',
    'uint256 stray = open.balanceOf(address(this)) - coinsHeld();',
    'uint256 stray = open.balanceOf(address(this));',
  ),
  registry('registry: epochs from anybody', 'if (msg.sender != vault) revert NotTheVault(msg.sender);'),
  registry(
    'registry: a datanet version is overwritten',
    'if (entry.time != 0) revert AlreadyRecorded(datanet, number, entry.hash);',
  ),
  registry(
    'registry: a model version is overwritten',
    'if (entry.time != 0) revert AlreadyRecorded(model, number, entry.hash);',
  ),
  { name: 'coin: not the whole supply', contract: 'Open', from: '_mint(treasury, cap);', to: '' },
];
