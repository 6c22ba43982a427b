// SPDX-License-Identifier: MIT
// Who may do what: pause and its end, cap, delay, roles, foreign tokens; and what the constructor refuses.
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {ClaimTree} from "./ClaimTree.sol";
import {FeeToken, ManyCoins} from "./OddTokens.sol";
import {TestBase} from "./TestBase.sol";
import {Vault} from "../src/Vault.sol";

contract VaultAdminTest is TestBase {
    address private constant ANN = address(0xA22);
    uint256 private constant MAX_CAP = uint256(type(uint56).max) * 1e9;

    function setUp() public {
        setUpVault();
        depositAs(STRANGER, 100_000 * OPEN, "ref");
    }

    function test_APauseStopsDepositsClaimsAndPostings() public {
        bytes32 root = ClaimTree.leaf(ANN, OPEN);
        post(root, OPEN);
        passDelay();
        pause();
        yes(vault.paused(), "paused");
        vm.prank(TREASURY);
        open.approve(address(vault), OPEN);
        vm.expectRevert(Vault.VaultPaused.selector);
        vm.prank(TREASURY);
        vault.deposit(OPEN, "ref");
        vm.expectRevert(Vault.VaultPaused.selector);
        vm.prank(TREASURY);
        vault.depositWithPermit(OPEN, "ref", 0, 0, 0, 0);
        vm.expectRevert(Vault.VaultPaused.selector);
        vault.claim(ANN, OPEN, root, new bytes32[](0));
        vm.expectRevert(Vault.VaultPaused.selector);
        vm.prank(POSTER);
        vault.postEpoch(2, 0, root, OPEN, 0);

        vm.expectEmit(address(vault));
        emit Vault.Unpaused(ADMIN);
        vm.prank(ADMIN);
        vault.unpause();
        vm.prank(TREASURY);
        vault.deposit(OPEN, "ref");
        vault.claim(ANN, OPEN, root, new bytes32[](0));
        post(root, OPEN);
    }

    function test_APauseStopsTheClockOfAPostingAndItsEndStartsItAgain() public {
        bytes32 root = ClaimTree.leaf(ANN, OPEN);
        post(root, OPEN);
        vm.warp(block.timestamp + DELAY - 1);
        pause();
        vm.warp(block.timestamp + 30 days);
        eq(vault.activeRoot(), 0, "not while paused");
        (, bytes32 waiting,, uint64 activeAt) = vault.pending();
        eq(waiting, root, "still pending");
        eq(activeAt, type(uint32).max, "no time");
        uint64 again = uint64(block.timestamp) + DELAY;
        vm.expectEmit(address(vault));
        emit Vault.EpochDelayed(1, again);
        vm.prank(ADMIN);
        vault.unpause();
        vm.warp(again - 1);
        eq(vault.activeRoot(), 0, "not yet");
        vm.warp(again);
        eq(vault.activeRoot(), root, "now");
    }

    function test_AnActiveRootStaysActiveThroughAPause() public {
        bytes32 root = ClaimTree.leaf(ANN, OPEN);
        post(root, OPEN);
        passDelay();
        pause();
        vm.prank(ADMIN);
        vault.unpause();
        eq(vault.activeRoot(), root, "active");
        vault.claim(ANN, OPEN, root, new bytes32[](0));
    }

    function test_APostingCanBeVetoedWhilePaused() public {
        post(ClaimTree.leaf(ANN, OPEN), OPEN);
        pause();
        vm.warp(block.timestamp + 30 days);
        vm.prank(VETOER);
        vault.vetoEpoch(1);
        vm.prank(ADMIN);
        vault.unpause();
        passDelay();
        eq(vault.activeRoot(), 0, "none");
        eq(vault.activeTotal(), 0, "nothing");
    }

    function test_OnlyThePauserPausesAndOnlyTheAdminEndsIt() public {
        refuseRole(STRANGER, vault.PAUSER_ROLE());
        vm.prank(STRANGER);
        vault.pause();
        refuseRole(ADMIN, vault.PAUSER_ROLE());
        vm.prank(ADMIN);
        vault.pause();
        pause();
        bytes32 admin = vault.DEFAULT_ADMIN_ROLE();
        refuseRole(PAUSER, admin);
        vm.prank(PAUSER);
        vault.unpause();
        vm.expectRevert(Vault.VaultPaused.selector);
        vm.prank(PAUSER);
        vault.pause();
        vm.startPrank(ADMIN);
        vault.unpause();
        vm.expectRevert(Vault.VaultNotPaused.selector);
        vault.unpause();
        vm.stopPrank();
    }

    function test_AWrongRootThatIsActiveIsDroppedDuringAPauseAndTheRightOneIsPosted() public {
        bytes32 right = ClaimTree.leaf(ANN, 5 * OPEN);
        post(right, 5 * OPEN);
        passDelay();
        vault.claim(ANN, 5 * OPEN, right, new bytes32[](0));
        bytes32 wrong = ClaimTree.leaf(STRANGER, CAP);
        post(wrong, 5 * OPEN + CAP);
        passDelay();
        pause();
        vm.startPrank(ADMIN);
        vm.expectRevert(
            abi.encodeWithSelector(
                Vault.TotalOutOfBounds.selector, 5 * OPEN - NANO, 5 * OPEN, 5 * OPEN + CAP
            )
        );
        vault.dropActiveRoot(5 * OPEN - NANO);
        vm.expectRevert(
            abi.encodeWithSelector(
                Vault.TotalOutOfBounds.selector, 5 * OPEN + CAP + NANO, 5 * OPEN, 5 * OPEN + CAP
            )
        );
        vault.dropActiveRoot(5 * OPEN + CAP + NANO);
        vm.expectEmit(address(vault));
        emit Vault.ActiveRootDropped(wrong, 7 * OPEN);
        vault.dropActiveRoot(7 * OPEN);
        vault.unpause();
        vm.stopPrank();
        eq(vault.activeRoot(), 0, "dropped");
        eq(vault.activeTotal(), 7 * OPEN, "total");
        eq(vault.claimedTotal(), 5 * OPEN, "what was claimed stays claimed");
        vm.expectRevert(abi.encodeWithSelector(Vault.RootChanged.selector, wrong, bytes32(0)));
        vault.claim(STRANGER, CAP, wrong, new bytes32[](0));

        right = ClaimTree.leaf(ANN, 8 * OPEN);
        post(right, 8 * OPEN);
        passDelay();
        vault.claim(ANN, 8 * OPEN, right, new bytes32[](0));
        eq(open.balanceOf(ANN), 8 * OPEN, "paid");
    }

    function test_OnlyTheAdminDropsARootOnlyDuringAPauseAndAfterAVeto() public {
        post("root", OPEN);
        passDelay();
        bytes32 admin = vault.DEFAULT_ADMIN_ROLE();
        refuseRole(PAUSER, admin);
        vm.prank(PAUSER);
        vault.dropActiveRoot(OPEN);
        vm.expectRevert(Vault.VaultNotPaused.selector);
        vm.prank(ADMIN);
        vault.dropActiveRoot(OPEN);
        post("pending", OPEN);
        pause();
        vm.expectRevert(abi.encodeWithSelector(Vault.PendingEpoch.selector, 2, type(uint32).max));
        vm.prank(ADMIN);
        vault.dropActiveRoot(OPEN);
        vm.prank(VETOER);
        vault.vetoEpoch(2);
        vm.prank(ADMIN);
        vault.dropActiveRoot(OPEN);
        eq(vault.activeRoot(), 0, "dropped");
    }

    function test_OnlyTheAdminChangesTheCap() public {
        bytes32 admin = vault.DEFAULT_ADMIN_ROLE();
        refuseRole(POSTER, admin);
        vm.prank(POSTER);
        vault.setGrowthCap(2 * CAP);
        vm.expectEmit(address(vault));
        emit Vault.GrowthCapChanged(CAP, 2 * CAP);
        vm.prank(ADMIN);
        vault.setGrowthCap(2 * CAP);
        eq(vault.growthCap(), 2 * CAP, "cap");
        eq(vault.postingDelay(), DELAY, "delay is untouched");
        eq(vault.depositedTotal(), 100_000 * OPEN, "deposits are untouched");
        post("root", 2 * CAP);
    }

    function test_TheCapIsAboveZeroAndFits() public {
        vm.startPrank(ADMIN);
        vm.expectRevert(abi.encodeWithSelector(Vault.CapOutOfBounds.selector, 0, MAX_CAP));
        vault.setGrowthCap(0);
        vm.expectRevert(abi.encodeWithSelector(Vault.CapOutOfBounds.selector, MAX_CAP + NANO, MAX_CAP));
        vault.setGrowthCap(MAX_CAP + NANO);
        vm.expectRevert(abi.encodeWithSelector(Vault.NotWholeNano.selector, OPEN + 1));
        vault.setGrowthCap(OPEN + 1);
        vault.setGrowthCap(MAX_CAP);
        vm.stopPrank();
        eq(vault.growthCap(), MAX_CAP, "cap");
    }

    function test_OnlyTheAdminChangesTheDelayBetweenThatOfTheDeploymentAndThirtyDays() public {
        bytes32 admin = vault.DEFAULT_ADMIN_ROLE();
        refuseRole(POSTER, admin);
        vm.prank(POSTER);
        vault.setPostingDelay(DELAY);
        vm.startPrank(ADMIN);
        vm.expectRevert(
            abi.encodeWithSelector(Vault.DelayOutOfBounds.selector, DELAY - 1, DELAY, 30 days)
        );
        vault.setPostingDelay(DELAY - 1);
        vm.expectRevert(
            abi.encodeWithSelector(Vault.DelayOutOfBounds.selector, 30 days + 1, DELAY, 30 days)
        );
        vault.setPostingDelay(30 days + 1);
        vm.expectEmit(address(vault));
        emit Vault.PostingDelayChanged(DELAY, 2 * DELAY);
        vault.setPostingDelay(2 * DELAY);
        vm.stopPrank();
        eq(vault.postingDelay(), 2 * DELAY, "delay");
        post("root", OPEN);
        passDelay();
        eq(vault.activeRoot(), 0, "not yet");
        passDelay();
        eq(vault.activeRoot(), "root", "now");
    }

    function test_AnotherDelayDoesNotTouchWhatIsPending() public {
        vm.prank(ADMIN);
        vault.setPostingDelay(5 * DELAY);
        post("root", OPEN);
        vm.prank(ADMIN);
        vault.setPostingDelay(DELAY);
        passDelay();
        eq(vault.activeRoot(), 0, "not yet");
        vm.warp(block.timestamp + 4 * DELAY);
        eq(vault.activeRoot(), "root", "now");
    }

    function test_OnlyTheAdminAppoints() public {
        bytes32 poster = vault.POSTER_ROLE();
        bytes32 admin = vault.DEFAULT_ADMIN_ROLE();
        refuseRole(POSTER, admin);
        vm.prank(POSTER);
        vault.grantRole(poster, STRANGER);
        vm.startPrank(ADMIN);
        vault.revokeRole(poster, POSTER);
        vault.grantRole(poster, STRANGER);
        vm.stopPrank();
        refuseRole(POSTER, poster);
        vm.prank(POSTER);
        vault.postEpoch(1, 0, "root", OPEN, 0);
        vm.prank(STRANGER);
        vault.postEpoch(1, 0, "root", OPEN, 0);
    }

    function test_ForeignTokensCanBeSentAwayByTheAdminButOpenCannot() public {
        FeeToken foreign = new FeeToken();
        foreign.transfer(address(vault), 100 * OPEN);
        bytes32 admin = vault.DEFAULT_ADMIN_ROLE();
        refuseRole(STRANGER, admin);
        vm.prank(STRANGER);
        vault.rescueForeign(foreign, ANN, OPEN);
        vm.startPrank(ADMIN);
        vm.expectEmit(address(vault));
        emit Vault.ForeignTokenRescued(address(foreign), ANN, 10 * OPEN);
        vault.rescueForeign(foreign, ANN, 10 * OPEN);
        vm.expectRevert(Vault.NotForeign.selector);
        vault.rescueForeign(IERC20(address(open)), ANN, 1);
        vm.stopPrank();
        eq(foreign.balanceOf(ANN), 9 * OPEN, "arrived");
    }

    function test_TheConstructorRefusesMissingAddressesNoDelayAndNoCap() public {
        address[5] memory given = [address(open), ADMIN, POSTER, PAUSER, VETOER];
        for (uint256 i = 0; i < given.length; i++) {
            address there = given[i];
            given[i] = address(0);
            vm.expectRevert(Vault.ZeroAddress.selector);
            this.construct(given, DELAY, CAP);
            given[i] = there;
        }
        vm.expectRevert(abi.encodeWithSelector(Vault.DelayOutOfBounds.selector, 0, 1, 30 days));
        this.construct(given, 0, CAP);
        vm.expectRevert(
            abi.encodeWithSelector(Vault.DelayOutOfBounds.selector, 31 days, 31 days, 30 days)
        );
        this.construct(given, 31 days, CAP);
        vm.expectRevert(abi.encodeWithSelector(Vault.CapOutOfBounds.selector, 0, MAX_CAP));
        this.construct(given, DELAY, 0);
        uint256 most = uint256(type(uint64).max) * 1e9;
        given[0] = address(new ManyCoins(most + 1));
        vm.expectRevert(abi.encodeWithSelector(Vault.SupplyTooLarge.selector, most + 1, most));
        this.construct(given, DELAY, CAP);
        given[0] = address(new ManyCoins(most));
        this.construct(given, DELAY, CAP);
    }

    function construct(address[5] memory who, uint64 delay, uint256 cap) external {
        deploy("Vault", abi.encode(who[0], who[1], who[2], who[3], who[4], delay, cap));
    }

    function pause() private {
        vm.expectEmit(address(vault));
        emit Vault.Paused(PAUSER);
        vm.prank(PAUSER);
        vault.pause();
    }

    function refuseRole(address who, bytes32 role) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, who, role)
        );
    }
}
