// SPDX-License-Identifier: MIT
// What holds whatever anybody does, in any order: compared with the plain books of VaultHandler after every step.
pragma solidity 0.8.37;

import {TestBase} from "./TestBase.sol";
import {VaultHandler} from "./VaultHandler.sol";

contract VaultInvariantsTest is TestBase {
    VaultHandler private handler;

    function setUp() public {
        handler = new VaultHandler();
        vault = handler.theVault();
        open = handler.theOpen();
        registry = vault.registry();
    }

    /// forge calls only these.
    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function invariant_CoinsCoverWhatIsClaimable() public view {
        uint256 held = vault.coinsHeld();
        yes(open.balanceOf(address(vault)) == held + handler.strays(), "balance = held + strays");
        yes(held >= vault.activeTotal() - vault.claimedTotal(), "active claims are covered");
        (,, uint256 pendingTotal,) = vault.pending();
        if (pendingTotal != 0) yes(held >= pendingTotal - vault.claimedTotal(), "pending claims are covered");
    }

    function invariant_ClaimedNeverExceedsPostedNorDeposited() public view {
        eq(vault.claimedTotal(), handler.claims(), "claimed");
        eq(vault.depositedTotal(), handler.deposits(), "deposited");
        yes(vault.claimedTotal() <= vault.activeTotal(), "claimed <= posted");
        yes(vault.claimedTotal() <= vault.depositedTotal(), "claimed <= deposited");
    }

    function invariant_NobodyReceivesMoreThanHisCumulativeOrTwice() public view {
        for (uint256 i = 0; i < handler.PEOPLE(); i++) {
            address person = handler.people(i);
            eq(vault.claimed(person), handler.got(i), "recorded");
            eq(open.balanceOf(person), 1_000_000 * OPEN - handler.put(i) + handler.got(i), "coins");
            yes(handler.got(i) <= handler.allowed(i), "within the cumulative");
        }
    }

    function invariant_EpochsCountUpAndTheActiveOneIsTheNewestThatWasNotVetoed() public view {
        eq(vault.lastEpoch(), handler.epochs(), "last");
        uint64 active = handler.active();
        // a root that became active since the last step
        if (handler.pendingEpoch() != 0 && !handler.isPaused() && block.timestamp >= handler.activeAt()) {
            active = handler.pendingEpoch();
        }
        eq(vault.activeRoot(), active == 0 ? bytes32(0) : handler.tree(active).root, "root");
        eq(vault.activeTotal(), active == 0 ? handler.base() : handler.tree(active).total, "total");
        if (active != 0) yes(!handler.tree(active).vetoed, "vetoed");
    }

    function invariant_NothingMovesWhilePaused() public view {
        yes(vault.paused() == handler.isPaused(), "paused");
        if (handler.isPaused()) {
            eq(open.balanceOf(address(vault)), handler.pausedBalance(), "balance");
        }
    }

    function invariant_TheRegistryKeepsEveryEpochAsItWasPosted() public view {
        for (uint64 epoch = 1; epoch <= handler.epochs(); epoch++) {
            eq(registry.epoch(epoch).hash, receiptsRoot(epoch), "root");
            eq(registry.epoch(epoch).time, handler.tree(epoch).postedAt, "time");
            eq(registry.epoch(epoch).by, POSTER, "who");
        }
        eq(registry.epoch(handler.epochs() + 1).time, 0, "nothing else");
    }
}
