// SPDX-License-Identifier: MIT
// Postings: one after the other, after a delay, within the cap and the coins; a veto drops them.
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {TestBase} from "./TestBase.sol";
import {Registry} from "../src/Registry.sol";
import {Vault} from "../src/Vault.sol";

contract VaultEpochTest is TestBase {
    bytes32 private constant ROOT = keccak256("root");
    bytes32 private constant OTHER = keccak256("other");

    function setUp() public {
        setUpVault();
        depositAs(STRANGER, 100_000 * OPEN, "ref");
    }

    function test_APostingCountsAfterItsDelayAndIsInTheRegistry() public {
        uint64 activeAt = uint64(block.timestamp) + DELAY;
        vm.expectEmit(address(vault));
        emit Vault.EpochPosted(1, receiptsRoot(1), ROOT, 7 * OPEN, keccak256("file"), activeAt);
        post(ROOT, 7 * OPEN);
        eq(vault.lastEpoch(), 1, "epoch");
        eq(vault.activeRoot(), 0, "not yet");
        eq(vault.activeTotal(), 0, "total not yet");
        expectPending(1, ROOT, 7 * OPEN, activeAt);
        Registry.Entry memory entry = registry.epoch(1);
        eq(entry.hash, receiptsRoot(1), "registry");
        eq(entry.time, block.timestamp, "registry time");
        eq(entry.by, POSTER, "registry who");

        vm.warp(activeAt - 1);
        eq(vault.activeRoot(), 0, "a second before");
        vm.warp(activeAt);
        eq(vault.activeRoot(), ROOT, "now");
        eq(vault.activeTotal(), 7 * OPEN, "total now");
        expectPending(0, 0, 0, 0);
    }

    function test_OnlyThePosterPosts() public {
        refuseRole(vault.POSTER_ROLE());
        vm.prank(STRANGER);
        vault.postEpoch(1, 0, ROOT, OPEN, 0);
    }

    function test_EpochsFollowOneAnother() public {
        post(ROOT, OPEN);
        passDelay();
        for (uint64 given = 0; given < 5; given++) {
            if (given == 2) continue;
            vm.expectRevert(abi.encodeWithSelector(Vault.WrongEpoch.selector, given, 2));
            vm.prank(POSTER);
            vault.postEpoch(given, 0, ROOT, OPEN, 0);
        }
        post(OTHER, 2 * OPEN);
        eq(vault.lastEpoch(), 2, "epoch");
        eq(vault.activeRoot(), ROOT, "still the first");
        passDelay();
        eq(vault.activeRoot(), OTHER, "the second");
    }

    function test_NothingIsPostedWhileAPostingWaits() public {
        post(ROOT, OPEN);
        uint256 activeAt = block.timestamp + DELAY;
        vm.warp(activeAt - 1);
        vm.expectRevert(abi.encodeWithSelector(Vault.PendingEpoch.selector, 1, activeAt));
        vm.prank(POSTER);
        vault.postEpoch(2, 0, OTHER, OPEN, 0);
        vm.warp(activeAt);
        post(OTHER, OPEN);
    }

    function test_TheTotalNeverFalls() public {
        post(ROOT, 5 * OPEN);
        passDelay();
        vm.expectRevert(abi.encodeWithSelector(Vault.TotalFell.selector, 5 * OPEN - NANO, 5 * OPEN));
        vm.prank(POSTER);
        vault.postEpoch(2, 0, OTHER, 5 * OPEN - NANO, 0);
        post(OTHER, 5 * OPEN);
    }

    function test_TheTotalGrowsByTheCapAndNotByANanoMore() public {
        vm.expectRevert(abi.encodeWithSelector(Vault.GrowthAboveCap.selector, CAP + NANO, CAP));
        vm.prank(POSTER);
        vault.postEpoch(1, 0, ROOT, CAP + NANO, 0);
        post(ROOT, CAP);
        passDelay();
        vm.expectRevert(abi.encodeWithSelector(Vault.GrowthAboveCap.selector, CAP + NANO, CAP));
        vm.prank(POSTER);
        vault.postEpoch(2, 0, ROOT, 2 * CAP + NANO, 0);
        post(OTHER, 2 * CAP);
    }

    function test_WhatIsClaimableIsCoveredByCoinsToTheNano() public {
        setUpVault();
        depositAs(STRANGER, 50 * OPEN, "ref");
        vm.prank(TREASURY); // sent without a deposit: does not count
        open.transfer(address(vault), OPEN);
        vm.expectRevert(abi.encodeWithSelector(Vault.NotCovered.selector, 50 * OPEN + NANO, 50 * OPEN));
        vm.prank(POSTER);
        vault.postEpoch(1, 0, ROOT, 50 * OPEN + NANO, 0);
        post(ROOT, 50 * OPEN);
        passDelay();
        vm.expectRevert(abi.encodeWithSelector(Vault.NotCovered.selector, 51 * OPEN, 50 * OPEN));
        vm.prank(POSTER);
        vault.postEpoch(2, 0, ROOT, 51 * OPEN, 0);
        depositAs(STRANGER, OPEN, "ref");
        post(OTHER, 51 * OPEN);
    }

    function test_PartsOfANanoAreRefused() public {
        vm.expectRevert(abi.encodeWithSelector(Vault.NotWholeNano.selector, OPEN + 1));
        vm.prank(POSTER);
        vault.postEpoch(1, 0, ROOT, OPEN + 1, 0);
    }

    function test_ARootIsMissingOnlyWhileNothingIsClaimable() public {
        post(0, 0);
        passDelay();
        eq(vault.activeRoot(), 0, "none");
        vm.expectRevert(Vault.ZeroRoot.selector);
        vm.prank(POSTER);
        vault.postEpoch(2, 0, 0, OPEN, 0);
    }

    function test_AVetoedPostingNeverCountsAndItsReceiptsStay() public {
        post(ROOT, 5 * OPEN);
        passDelay();
        post(OTHER, 9 * OPEN);
        vm.expectEmit(address(vault));
        emit Vault.EpochVetoed(2);
        vm.prank(VETOER);
        vault.vetoEpoch(2);
        expectPending(0, 0, 0, 0);
        eq(vault.activeRoot(), ROOT, "the one before");
        eq(vault.activeTotal(), 5 * OPEN, "its total");
        eq(vault.lastEpoch(), 2, "number is used");
        eq(registry.epoch(2).hash, receiptsRoot(2), "receipts stay");
        passDelay();
        eq(vault.activeRoot(), ROOT, "also later");

        // the next one grows from the total before the veto
        bytes32 third = keccak256("third");
        post(third, 5 * OPEN + CAP);
        eq(vault.activeRoot(), ROOT, "the third waits");
        passDelay();
        eq(vault.activeRoot(), third, "the third counts");
        eq(vault.activeTotal(), 5 * OPEN + CAP, "its total");
    }

    function test_VetoesInARowKeepTheActiveRoot() public {
        post(ROOT, OPEN);
        passDelay();
        for (uint64 epoch = 2; epoch < 7; epoch++) {
            post(OTHER, 2 * OPEN);
            vm.prank(VETOER);
            vault.vetoEpoch(epoch);
            eq(vault.activeRoot(), ROOT, "active");
            eq(vault.activeTotal(), OPEN, "total");
        }
    }

    function test_TheFirstPostingCanBeVetoed() public {
        post(ROOT, OPEN);
        vm.prank(VETOER);
        vault.vetoEpoch(1);
        eq(vault.activeRoot(), 0, "none");
        eq(vault.activeTotal(), 0, "nothing");
    }

    function test_OnlyThePendingPostingCanBeVetoed() public {
        vm.startPrank(VETOER);
        vm.expectRevert(abi.encodeWithSelector(Vault.NotPending.selector, 0));
        vault.vetoEpoch(0);
        vm.stopPrank();
        post(ROOT, OPEN);
        vm.startPrank(VETOER);
        vm.expectRevert(abi.encodeWithSelector(Vault.NotPending.selector, 2));
        vault.vetoEpoch(2);
        passDelay();
        vm.expectRevert(abi.encodeWithSelector(Vault.NotPending.selector, 1));
        vault.vetoEpoch(1);
        vm.stopPrank();
    }

    function test_OnlyTheVetoerVetoes() public {
        post(ROOT, OPEN);
        refuseRole(vault.VETOER_ROLE());
        vm.prank(STRANGER);
        vault.vetoEpoch(1);
    }

    function refuseRole(bytes32 role) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, STRANGER, role)
        );
    }

    function expectPending(uint64 epoch, bytes32 root, uint256 total, uint64 activeAt) private view {
        (uint64 epochIs, bytes32 rootIs, uint256 totalIs, uint64 activeAtIs) = vault.pending();
        eq(epochIs, epoch, "pending epoch");
        eq(rootIs, root, "pending root");
        eq(totalIs, total, "pending total");
        eq(activeAtIs, activeAt, "pending time");
    }
}
