// SPDX-License-Identifier: MIT
// Holds the coins of the marketplace: people deposit with a reference, the operator posts cumulative claims as a Merkle
// root, anyone has an account's claim paid to that account. Used by contracts/client; knows no people and no calls.
// Amounts come and go in wei (1e-18 OPEN) and are whole nano (1e9 wei), as in the off-chain ledger; inside they are
// counted in nano, so that what a claim and a posting touch fits one storage slot.
// Invariants: coinsHeld() >= active claims - claimed; no account receives more than its cumulative, or twice; all that
// was ever claimed <= the active total <= all that was ever deposited; epochs only count up; nothing moves while paused.
// One contract although it is long (half of it NatSpec): deposits, postings and claims share the packed slots below, and
// a reader has to see every line that may write them.
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/IERC20Permit.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";
import {Registry} from "./Registry.sol";

/// @title Vault of OPEN with delayed, capped, cumulative claims
/// @notice Roles: poster (posts epochs), vetoer (drops a posting before it counts), pauser (stops everything), admin
/// (a timelock: appoints the others, changes cap and delay, ends a pause, drops a wrong root). None of them can send coins anywhere but
/// through a claim against a posted root.
contract Vault is AccessControl, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;
    using SafeCast for uint256;

    /// @notice May post epochs.
    bytes32 public constant POSTER_ROLE = keccak256("POSTER_ROLE");
    /// @notice May stop deposits, claims and postings, but not start them again.
    bytes32 public constant PAUSER_ROLE = keccak256("PAUSER_ROLE");
    /// @notice May drop a posting whose delay has not passed.
    bytes32 public constant VETOER_ROLE = keccak256("VETOER_ROLE");
    /// @notice The longest delay that can be set, in seconds.
    uint64 public constant MAX_POSTING_DELAY = 30 days;

    uint256 private constant NANO = 1e9; // wei
    /// The clock of a pending root stands while the vault is paused.
    uint32 private constant STOPPED = type(uint32).max;

    /// @notice The coin.
    IERC20 public immutable open;
    /// @notice Keeps the receipts root of every epoch. Made by this vault.
    Registry public immutable registry;
    /// @notice The delay at deployment, in seconds: the shortest that can ever be set.
    uint64 public immutable minPostingDelay;

    /// One slot: all that a claim has to read and write beside its root and its account.
    struct Claims {
        uint72 posted; // nano, total of the newest posting that was not vetoed
        uint64 unclaimed; // nano, active total - claimed; at most the coins held, so at most the supply
        uint56 growth; // nano, pending total - active total; 0 when nothing is pending
        uint24 epoch; // newest, vetoed ones included
        uint32 activeAt; // seconds, when the pending root counts; 0 = nothing pending; until 2106
        bool paused;
    }

    /// One slot: what a posting is measured against.
    struct Limits {
        uint72 deposited; // nano, ever
        uint56 growthCap; // nano per epoch
        uint32 postingDelay; // seconds
    }

    Claims private _claims;
    Limits private _limits;
    /// Root of epoch n in place n % 2: the pending one is written over the one before the active one.
    bytes32[2] private _roots;

    /// @notice What an account has claimed since the vault exists, in wei.
    mapping(address account => uint256) public claimed;

    /// @notice `amount` (what arrived) was deposited by `from` for whatever `ref` names off chain.
    event Deposited(address indexed from, bytes32 indexed ref, uint256 amount);
    /// @notice An epoch was posted; its claims count from `activeAt` on unless it is vetoed.
    event EpochPosted(
        uint64 indexed epoch,
        bytes32 receiptsRoot,
        bytes32 claimsRoot,
        uint256 claimsTotal,
        bytes32 leafFileHash,
        uint64 activeAt
    );
    /// @notice The claims of this epoch will never count; its receipts root stays in the registry.
    event EpochVetoed(uint64 indexed epoch);
    /// @notice A pause ended while this epoch was pending: its delay starts again.
    event EpochDelayed(uint64 indexed epoch, uint64 activeAt);
    /// @notice `amount` was paid to `account`, which has now received `cumulative` in all.
    event Claimed(address indexed account, uint256 amount, uint256 cumulative);
    /// @notice The root that was active never counts again; `total` is what the next posting grows from.
    event ActiveRootDropped(bytes32 root, uint256 total);
    /// @notice Deposits, claims and postings are stopped.
    event Paused(address indexed by);
    /// @notice Deposits, claims and postings go on.
    event Unpaused(address indexed by);
    /// @notice The most that the claims may grow from one epoch to the next, in wei.
    event GrowthCapChanged(uint256 from, uint256 to);
    /// @notice The time between a posting and its claims, in seconds; holds for later postings.
    event PostingDelayChanged(uint64 from, uint64 to);
    /// @notice A token that is not OPEN was sent away.
    event ForeignTokenRescued(address indexed token, address indexed to, uint256 amount);

    /// @notice Nothing moves while the vault is paused.
    error VaultPaused();
    /// @notice There is no pause to end.
    error VaultNotPaused();
    /// @notice An address is missing.
    error ZeroAddress();
    /// @notice Nothing arrived, or nothing was to be moved.
    error ZeroAmount();
    /// @notice Amounts are whole nano: multiples of 1e9 wei.
    error NotWholeNano(uint256 amount);
    /// @notice Epochs are posted one after the other.
    error WrongEpoch(uint64 given, uint64 expected);
    /// @notice The epoch before is still waiting for its delay.
    error PendingEpoch(uint64 epoch, uint64 activeAt);
    /// @notice Claims without a root could never be paid.
    error ZeroRoot();
    /// @notice The total of all cumulative claims never falls.
    error TotalFell(uint256 given, uint256 last);
    /// @notice The claims grew by more than one epoch may.
    error GrowthAboveCap(uint256 growth, uint256 cap);
    /// @notice More would be claimable than the vault holds.
    error NotCovered(uint256 claimable, uint256 coins);
    /// @notice This epoch is not pending: unknown, vetoed, or its delay has passed.
    error NotPending(uint64 epoch);
    /// @notice The proof belongs to another root than the active one: fetch a new proof.
    error RootChanged(bytes32 expected, bytes32 active);
    /// @notice This account and cumulative are not in the active tree.
    error InvalidProof(address account, uint256 cumulative);
    /// @notice The account has already received this much or more.
    error NothingToClaim(address account, uint256 cumulative, uint256 claimed);
    /// @notice The leaves of the tree sum to more than was posted: nothing beyond the posted total is paid.
    error ClaimAboveTotal(uint256 amount, uint256 unclaimed);
    /// @notice The delay is outside of its bounds.
    error DelayOutOfBounds(uint64 given, uint64 min, uint64 max);
    /// @notice The cap is zero or above what fits.
    error CapOutOfBounds(uint256 given, uint256 max);
    /// @notice A dropped root leaves a total from what was claimed to what was posted.
    error TotalOutOfBounds(uint256 given, uint256 min, uint256 max);
    /// @notice A coin of which more exists than fits.
    error SupplyTooLarge(uint256 supply, uint256 max);
    /// @notice OPEN leaves by claims only.
    error NotForeign();

    /// @param open_ The coin.
    /// @param admin The timelock.
    /// @param poster Posts epochs; records versions in the registry.
    /// @param pauser May pause.
    /// @param vetoer May veto.
    /// @param delay Seconds between a posting and its claims; also the shortest that can ever be set.
    /// @param cap The most that the claims may grow per epoch, in wei.
    constructor(
        IERC20 open_,
        address admin,
        address poster,
        address pauser,
        address vetoer,
        uint64 delay,
        uint256 cap
    ) {
        if (
            address(open_) == address(0) || admin == address(0) || poster == address(0) || pauser == address(0)
                || vetoer == address(0)
        ) revert ZeroAddress();
        if (delay == 0) revert DelayOutOfBounds(delay, 1, MAX_POSTING_DELAY);
        uint256 supply = open_.totalSupply();
        if (supply > type(uint64).max * NANO) revert SupplyTooLarge(supply, type(uint64).max * NANO);
        open = open_;
        minPostingDelay = delay;
        registry = new Registry(admin, poster);
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(POSTER_ROLE, poster);
        _grantRole(PAUSER_ROLE, pauser);
        _grantRole(VETOER_ROLE, vetoer);
        _setPostingDelay(delay);
        _setGrowthCap(cap);
    }

    // Coins in

    /// @notice Takes `amount` of the caller's OPEN, which must be approved, for what `ref` names.
    /// @param amount Wei, a whole number of nano.
    /// @param ref Who is credited off chain; one that nobody knows is credited to the caller's wallet.
    function deposit(uint256 amount, bytes32 ref) external nonReentrant {
        _deposit(amount, ref);
    }

    /// @notice Deposits with a permit instead of an approval. Somebody who sends the permit first does no harm: what
    /// counts is that the allowance is there.
    /// @param amount Wei, a whole number of nano; also the amount of the permit.
    /// @param ref Who is credited off chain.
    /// @param deadline The permit's.
    /// @param v Of the signature.
    /// @param r Of the signature.
    /// @param s Of the signature.
    function depositWithPermit(uint256 amount, bytes32 ref, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        nonReentrant
    {
        try IERC20Permit(address(open)).permit(msg.sender, address(this), amount, deadline, v, r, s) {} catch {}
        _deposit(amount, ref);
    }

    /// @notice Counts OPEN that was sent here without a deposit as one, so that its sender can be credited.
    /// @param ref Who is credited off chain.
    function adoptStray(bytes32 ref) external onlyRole(DEFAULT_ADMIN_ROLE) {
        uint256 stray = open.balanceOf(address(this)) - coinsHeld();
        _credit(stray - stray % NANO, ref);
    }

    // Epochs

    /// @notice Posts an epoch: its receipts root goes to the registry, its claims root waits for the delay.
    /// @param epoch The last one + 1.
    /// @param receiptsRoot Merkle root of the epoch's receipts; zero where it has none.
    /// @param claimsRoot Merkle root of all accounts' cumulative claims; zero only while nothing was ever claimable.
    /// @param claimsTotal Sum of the cumulative claims in that tree, in wei.
    /// @param leafFileHash Names the published leaf files, from which anyone can build both trees again: keccak256 of
    /// the receipts file's keccak256 followed by the claims file's.
    function postEpoch(
        uint64 epoch,
        bytes32 receiptsRoot,
        bytes32 claimsRoot,
        uint256 claimsTotal,
        bytes32 leafFileHash
    ) external onlyRole(POSTER_ROLE) {
        Claims memory state = _settled();
        if (state.paused) revert VaultPaused();
        if (state.activeAt != 0) revert PendingEpoch(state.epoch, state.activeAt);
        if (epoch != uint64(state.epoch) + 1) revert WrongEpoch(epoch, uint64(state.epoch) + 1);

        Limits memory limits = _limits;
        uint256 total = _toNano(claimsTotal);
        if (total < state.posted) revert TotalFell(claimsTotal, state.posted * NANO);
        uint256 growth = total - state.posted;
        if (growth > limits.growthCap) revert GrowthAboveCap(growth * NANO, limits.growthCap * NANO);
        // Both sides less what was claimed: claimable against coins.
        if (total > limits.deposited) {
            uint256 paid = state.posted - state.unclaimed;
            revert NotCovered((total - paid) * NANO, (limits.deposited - paid) * NANO);
        }
        if (claimsRoot == 0 && total != 0) revert ZeroRoot();

        uint32 activeAt = (block.timestamp + limits.postingDelay).toUint32();
        state.posted = uint72(total); // <= deposited
        state.growth = uint56(growth); // <= growthCap
        state.epoch = uint256(epoch).toUint24();
        state.activeAt = activeAt;
        _store(state);
        _roots[epoch & 1] = claimsRoot;
        emit EpochPosted(epoch, receiptsRoot, claimsRoot, claimsTotal, leafFileHash, activeAt);
        registry.recordEpoch(epoch, receiptsRoot, msg.sender);
    }

    /// @notice Drops the claims of a pending epoch; the active root stays. Works while paused.
    /// @param epoch The pending one.
    function vetoEpoch(uint64 epoch) external onlyRole(VETOER_ROLE) {
        Claims memory state = _settled();
        if (state.activeAt == 0 || epoch != state.epoch) revert NotPending(epoch);
        state.posted -= state.growth;
        state.growth = 0;
        state.activeAt = 0;
        _store(state);
        // The active root now stands for this epoch too, so that its place follows from the number alone.
        _roots[epoch & 1] = _roots[(epoch + 1) & 1];
        emit EpochVetoed(epoch);
    }

    // Coins out

    /// @notice Pays `account` what it may claim and has not yet received. Anyone may send this; the coins go to `account`.
    /// @param account Whose claim.
    /// @param cumulative All that the account may claim since the vault exists, in wei, as the leaf says.
    /// @param expectedRoot The root that the proof was made for.
    /// @param proof Siblings from the leaf keccak256(keccak256(abi.encode(account, cumulative))) to the root.
    /// @dev All is written before the coins go, so a call back into any function finds a finished claim.
    function claim(address account, uint256 cumulative, bytes32 expectedRoot, bytes32[] calldata proof)
        external
    {
        Claims memory state = _settled();
        if (state.paused) revert VaultPaused();
        bytes32 root = _activeRoot(state);
        if (root != expectedRoot) revert RootChanged(expectedRoot, root);
        if (_rootOf(account, cumulative, proof) != root) revert InvalidProof(account, cumulative);

        uint256 before = claimed[account];
        if (cumulative <= before) revert NothingToClaim(account, cumulative, before);
        uint256 amount = cumulative - before;
        uint256 nano = _toNano(amount);
        // The sum of the leaves cannot be checked when a root is posted; here it can.
        if (nano > state.unclaimed) revert ClaimAboveTotal(amount, state.unclaimed * NANO);
        state.unclaimed -= uint64(nano);
        _store(state);
        claimed[account] = cumulative;
        emit Claimed(account, amount, cumulative);
        open.safeTransfer(account, amount);
    }

    // Pause and settings

    /// @notice Stops deposits, claims and postings, and the clock of a pending root. A veto stays possible.
    function pause() external onlyRole(PAUSER_ROLE) {
        Claims memory state = _settled();
        if (state.paused) revert VaultPaused();
        if (state.activeAt != 0) state.activeAt = STOPPED;
        state.paused = true;
        _store(state);
        emit Paused(msg.sender);
    }

    /// @notice Ends a pause. A root that was pending waits for a whole delay again.
    function unpause() external onlyRole(DEFAULT_ADMIN_ROLE) {
        Claims memory state = _claims;
        if (!state.paused) revert VaultNotPaused();
        state.paused = false;
        if (state.activeAt != 0) {
            state.activeAt = (block.timestamp + _limits.postingDelay).toUint32();
            emit EpochDelayed(state.epoch, state.activeAt);
        }
        _store(state);
        emit Unpaused(msg.sender);
    }

    /// @notice Takes a wrong root back that is already active, during a pause: nothing is claimable until the next
    /// posting counts. A pending posting is vetoed first.
    /// @param total What the next posting grows from, in wei: the sum of the claims that were right, from what was
    /// claimed to what was posted.
    function dropActiveRoot(uint256 total) external onlyRole(DEFAULT_ADMIN_ROLE) {
        Claims memory state = _claims;
        if (!state.paused) revert VaultNotPaused();
        if (state.activeAt != 0) revert PendingEpoch(state.epoch, state.activeAt);
        uint256 paid = state.posted - state.unclaimed;
        uint256 nano = _toNano(total);
        if (nano < paid || nano > state.posted) {
            revert TotalOutOfBounds(total, paid * NANO, state.posted * NANO);
        }
        state.posted = uint72(nano);
        state.unclaimed = uint64(nano - paid);
        _store(state);
        emit ActiveRootDropped(_activeRoot(state), total);
        _roots[state.epoch & 1] = 0;
    }

    /// @notice Sets the most that the claims may grow per epoch.
    /// @param cap Wei, a whole number of nano, above zero.
    function setGrowthCap(uint256 cap) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setGrowthCap(cap);
    }

    /// @notice Sets the time between a posting and its claims, for later postings.
    /// @param delay Seconds, from minPostingDelay to MAX_POSTING_DELAY.
    function setPostingDelay(uint64 delay) external onlyRole(DEFAULT_ADMIN_ROLE) {
        _setPostingDelay(delay);
    }

    /// @notice Sends away a token that came here by mistake. OPEN cannot be sent this way.
    /// @param token Not OPEN.
    /// @param to Receives it.
    /// @param amount In the token's units.
    function rescueForeign(IERC20 token, address to, uint256 amount) external onlyRole(DEFAULT_ADMIN_ROLE) {
        if (address(token) == address(open)) revert NotForeign();
        emit ForeignTokenRescued(address(token), to, amount);
        token.safeTransfer(to, amount);
    }

    // Views

    /// @notice The newest epoch that was posted, vetoed ones included; 0 = none.
    function lastEpoch() external view returns (uint64) {
        return _claims.epoch;
    }

    /// @notice The root that claims are checked against now; zero = none.
    function activeRoot() external view returns (bytes32) {
        return _activeRoot(_settled());
    }

    /// @notice Sum of all cumulative claims of the active root, in wei.
    function activeTotal() external view returns (uint256) {
        Claims memory state = _settled();
        return (state.posted - state.growth) * NANO;
    }

    /// @notice The posting that waits for its delay; all zero when there is none.
    /// @return epoch Its number.
    /// @return root Its claims root.
    /// @return total Sum of all cumulative claims of it, in wei.
    /// @return activeAt When it counts, in seconds; 2^32 - 1 while the vault is paused.
    function pending()
        external
        view
        returns (uint64 epoch, bytes32 root, uint256 total, uint64 activeAt)
    {
        Claims memory state = _settled();
        if (state.activeAt == 0) return (0, 0, 0, 0);
        return (state.epoch, _roots[state.epoch & 1], state.posted * NANO, state.activeAt);
    }

    /// @notice Claimed by all accounts since the vault exists, in wei.
    function claimedTotal() public view returns (uint256) {
        Claims memory state = _claims;
        return (state.posted - state.growth - state.unclaimed) * NANO;
    }

    /// @notice Deposited since the vault exists, in wei.
    function depositedTotal() public view returns (uint256) {
        return _limits.deposited * NANO;
    }

    /// @notice Deposited and not yet claimed, in wei: what postings are measured against. OPEN that was sent here
    /// without a deposit does not count until it is adopted.
    function coinsHeld() public view returns (uint256) {
        return depositedTotal() - claimedTotal();
    }

    /// @notice The most that the claims may grow per epoch, in wei.
    function growthCap() external view returns (uint256) {
        return _limits.growthCap * NANO;
    }

    /// @notice Seconds between a posting and its claims.
    function postingDelay() external view returns (uint64) {
        return _limits.postingDelay;
    }

    /// @notice True while deposits, claims and postings are stopped.
    function paused() external view returns (bool) {
        return _claims.paused;
    }

    function _deposit(uint256 amount, bytes32 ref) private {
        if (_claims.paused) revert VaultPaused();
        uint256 before = open.balanceOf(address(this));
        open.safeTransferFrom(msg.sender, address(this), amount);
        _credit(open.balanceOf(address(this)) - before, ref); // what arrived, not what was said
    }

    function _credit(uint256 received, bytes32 ref) private {
        if (received == 0) revert ZeroAmount();
        _limits.deposited = (_limits.deposited + _toNano(received)).toUint72();
        emit Deposited(msg.sender, ref, received);
    }

    /// The state with a pending posting whose delay has passed made active.
    function _settled() private view returns (Claims memory state) {
        state = _claims;
        if (state.activeAt != 0 && state.activeAt <= block.timestamp) {
            state.unclaimed += state.growth;
            state.growth = 0;
            state.activeAt = 0;
        }
    }

    /// The root that a proof leads to: what MerkleProof.processProofCalldata gives, some 750 gas cheaper at 17 levels (tested against it).
    function _rootOf(address account, uint256 cumulative, bytes32[] calldata proof)
        private
        pure
        returns (bytes32 node)
    {
        node = Hashes.efficientKeccak256(bytes32(uint256(uint160(account))), bytes32(cumulative));
        assembly ("memory-safe") {
            mstore(0, node)
            node := keccak256(0, 32) // hashed twice: no inner node can pose as a leaf
            let end := add(proof.offset, shl(5, proof.length))
            for { let place := proof.offset } lt(place, end) { place := add(place, 32) } {
                let sibling := calldataload(place)
                let larger := shl(5, gt(node, sibling)) // the smaller of the two goes first
                mstore(larger, node)
                mstore(xor(larger, 32), sibling)
                node := keccak256(0, 64)
            }
        }
    }

    /// Writes the slot at once; the compiler would write it in two goes.
    function _store(Claims memory state) private {
        uint256 word = uint256(state.posted) | (uint256(state.unclaimed) << 72) | (uint256(state.growth) << 136)
            | (uint256(state.epoch) << 192) | (uint256(state.activeAt) << 216);
        if (state.paused) word |= 1 << 248;
        assembly ("memory-safe") {
            sstore(_claims.slot, word)
        }
    }

    /// The root of the newest epoch, or the one before while the newest is pending.
    function _activeRoot(Claims memory state) private view returns (bytes32) {
        return _roots[state.activeAt == 0 ? state.epoch & 1 : (state.epoch + 1) & 1];
    }

    function _setGrowthCap(uint256 cap) private {
        uint256 nano = _toNano(cap);
        if (nano == 0 || nano > type(uint56).max) revert CapOutOfBounds(cap, type(uint56).max * NANO);
        emit GrowthCapChanged(_limits.growthCap * NANO, cap);
        _limits.growthCap = uint56(nano);
    }

    function _setPostingDelay(uint64 delay) private {
        if (delay < minPostingDelay || delay > MAX_POSTING_DELAY) {
            revert DelayOutOfBounds(delay, minPostingDelay, MAX_POSTING_DELAY);
        }
        emit PostingDelayChanged(_limits.postingDelay, delay);
        _limits.postingDelay = uint32(delay);
    }

    function _toNano(uint256 amount) private pure returns (uint256) {
        if (amount % NANO != 0) revert NotWholeNano(amount);
        return amount / NANO;
    }
}
