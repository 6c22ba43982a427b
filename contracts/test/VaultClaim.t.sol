// SPDX-License-Identifier: MIT
// Coins out: exactly what the active root says an account may have and has not had, to that account, once.
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ClaimTree} from "./ClaimTree.sol";
import {TestBase} from "./TestBase.sol";
import {Vault} from "../src/Vault.sol";

contract VaultClaimTest is TestBase {
    using ClaimTree for bytes32[];

    address private constant ANN = address(0xA22);
    address private constant BOB = address(0xB0B);

    address[] private accounts;
    uint256[] private amounts;
    bytes32[] private leaves;
    bytes32 private root;

    function setUp() public {
        setUpVault();
        depositAs(STRANGER, 100_000 * OPEN, "ref");
    }

    function test_AClaimIsPaidToItsAccountWhoeverSendsIt() public {
        postTree(30 * OPEN, 12 * OPEN);
        bytes32[] memory path = leaves.proof(0);
        vm.expectEmit(address(vault));
        emit Vault.Claimed(ANN, 30 * OPEN, 30 * OPEN);
        vm.prank(BOB);
        vault.claim(ANN, 30 * OPEN, root, path);
        eq(open.balanceOf(ANN), 30 * OPEN, "paid");
        eq(open.balanceOf(BOB), 0, "not to the sender");
        eq(vault.claimed(ANN), 30 * OPEN, "recorded");
        eq(vault.claimedTotal(), 30 * OPEN, "total");
        eq(vault.coinsHeld(), 100_000 * OPEN - 30 * OPEN, "held");
        eq(open.balanceOf(address(vault)), vault.coinsHeld(), "balance");
    }

    function test_AClaimIsPaidOnce() public {
        postTree(30 * OPEN, 12 * OPEN);
        bytes32[] memory path = leaves.proof(0);
        vault.claim(ANN, 30 * OPEN, root, path);
        vm.expectRevert(
            abi.encodeWithSelector(Vault.NothingToClaim.selector, ANN, 30 * OPEN, 30 * OPEN)
        );
        vault.claim(ANN, 30 * OPEN, root, path);
    }

    function test_OfALaterRootTheDifferenceIsPaidAndTheUnclaimedRollsOver() public {
        postTree(30 * OPEN, 12 * OPEN);
        vault.claim(ANN, 30 * OPEN, root, leaves.proof(0));
        postTree(50 * OPEN, 13 * OPEN);
        vm.expectEmit(address(vault));
        emit Vault.Claimed(ANN, 20 * OPEN, 50 * OPEN);
        vault.claim(ANN, 50 * OPEN, root, leaves.proof(0));
        vault.claim(BOB, 13 * OPEN, root, leaves.proof(1));
        eq(open.balanceOf(ANN), 50 * OPEN, "ann");
        eq(open.balanceOf(BOB), 13 * OPEN, "bob");
        eq(vault.claimedTotal(), vault.activeTotal(), "all");
    }

    function test_ALowerCumulativeOfALaterRootIsRefused() public {
        postTree(30 * OPEN, 12 * OPEN);
        vault.claim(ANN, 30 * OPEN, root, leaves.proof(0));
        postTree(29 * OPEN, 13 * OPEN);
        bytes32[] memory path = leaves.proof(0);
        vm.expectRevert(
            abi.encodeWithSelector(Vault.NothingToClaim.selector, ANN, 29 * OPEN, 30 * OPEN)
        );
        vault.claim(ANN, 29 * OPEN, root, path);
    }

    function test_AnotherAmountAccountOrPathIsRefused() public {
        postTree(30 * OPEN, 12 * OPEN);
        bytes32[] memory path = leaves.proof(0);
        refuseProof(ANN, 31 * OPEN, path);
        refuseProof(BOB, 30 * OPEN, path);
        refuseProof(ANN, 30 * OPEN, leaves.proof(1));
        refuseProof(ANN, 30 * OPEN, new bytes32[](0));
        path[0] = bytes32(uint256(path[0]) ^ 1);
        refuseProof(ANN, 30 * OPEN, path);
    }

    function test_AnInnerNodeIsNoLeaf() public {
        // an account and amount that encode to a pair of leaves would claim without a second hash
        bytes32 left = bytes32(uint256(uint160(ANN)));
        bytes32 right = bytes32(30 * OPEN);
        bytes32 single = keccak256(abi.encode(left, right));
        depositAndPost(single, 30 * OPEN);
        refuseProof(ANN, 30 * OPEN, new bytes32[](0));
    }

    function test_AProofForAnotherRootSaysWhichOneCounts() public {
        postTree(30 * OPEN, 12 * OPEN);
        bytes32 first = root;
        bytes32[] memory path = leaves.proof(0);
        postTree(30 * OPEN, 13 * OPEN);
        vm.expectRevert(abi.encodeWithSelector(Vault.RootChanged.selector, first, root));
        vault.claim(ANN, 30 * OPEN, first, path);
    }

    function test_APendingRootPaysNothing() public {
        prepareTree(30 * OPEN, 12 * OPEN);
        post(root, 42 * OPEN);
        bytes32[] memory path = leaves.proof(0);
        vm.warp(block.timestamp + DELAY - 1);
        vm.expectRevert(abi.encodeWithSelector(Vault.RootChanged.selector, root, bytes32(0)));
        vault.claim(ANN, 30 * OPEN, root, path);
        vm.warp(block.timestamp + 1);
        vault.claim(ANN, 30 * OPEN, root, path);
    }

    function test_AVetoedRootPaysNothing() public {
        prepareTree(30 * OPEN, 12 * OPEN);
        post(root, 42 * OPEN);
        vm.prank(VETOER);
        vault.vetoEpoch(1);
        passDelay();
        bytes32[] memory path = leaves.proof(0);
        vm.expectRevert(abi.encodeWithSelector(Vault.RootChanged.selector, root, bytes32(0)));
        vault.claim(ANN, 30 * OPEN, root, path);
    }

    function test_WithoutARootNothingIsPaid() public {
        refuseProof(ANN, OPEN, new bytes32[](0));
    }

    function test_LeavesThatSumToMoreThanWasPostedArePaidUpToThePostedTotal() public {
        prepareTree(30 * OPEN, 12 * OPEN);
        depositAndPost(root, 35 * OPEN);
        vault.claim(ANN, 30 * OPEN, root, leaves.proof(0));
        bytes32[] memory path = leaves.proof(1);
        vm.expectRevert(abi.encodeWithSelector(Vault.ClaimAboveTotal.selector, 12 * OPEN, 5 * OPEN));
        vault.claim(BOB, 12 * OPEN, root, path);
        eq(vault.claimedTotal(), 30 * OPEN, "no more");
        // nor does what is only pending raise it
        post(keccak256("more"), 42 * OPEN);
        vm.expectRevert(abi.encodeWithSelector(Vault.ClaimAboveTotal.selector, 12 * OPEN, 5 * OPEN));
        vault.claim(BOB, 12 * OPEN, root, path);
    }

    function test_APartOfANanoInALeafIsRefused() public {
        prepareTree(30 * OPEN + 1, 12 * OPEN);
        depositAndPost(root, 42 * OPEN);
        bytes32[] memory path = leaves.proof(0);
        vm.expectRevert(abi.encodeWithSelector(Vault.NotWholeNano.selector, 30 * OPEN + 1));
        vault.claim(ANN, 30 * OPEN + 1, root, path);
    }

    function testFuzz_EveryLeafOfATreeIsPaidExactly(uint256 seed, uint8 size, uint8 sender) public {
        uint256 count = within(size, 1, 24);
        uint256 total;
        for (uint256 i = 0; i < count; i++) {
            accounts.push(address(uint160(uint256(keccak256(abi.encode(seed, i))))));
            amounts.push(within(uint256(keccak256(abi.encode(i, seed))), 1, 400e9) * NANO);
            total += amounts[i];
        }
        leaves = ClaimTree.leaves(accounts, amounts);
        root = leaves.root();
        depositAndPost(root, total);
        for (uint256 i = 0; i < count; i++) {
            vm.prank(address(uint160(sender) + 1));
            vault.claim(accounts[i], amounts[i], root, leaves.proof(i));
            eq(open.balanceOf(accounts[i]), amounts[i], "paid");
        }
        eq(vault.claimedTotal(), total, "all");
        eq(open.balanceOf(address(vault)), 100_000 * OPEN - total, "rest");
    }

    /// The vault walks the proof by itself: it must agree with OpenZeppelin on every proof.
    function testFuzz_TheVaultAgreesWithOpenZeppelinOnEveryProof(
        address account,
        uint256 nano,
        bytes32[] memory path,
        uint8 change
    ) public {
        vm.assume(account != address(0) && account != address(vault));
        uint256 cumulative = within(nano, 1, CAP / NANO) * NANO;
        bytes32 reached = MerkleProof.processProof(path, ClaimTree.leaf(account, cumulative));
        depositAndPost(reached, CAP);
        if (path.length > 0 && change % 2 == 1) {
            bytes32[] memory forged = new bytes32[](path.length);
            for (uint256 i = 0; i < path.length; i++) forged[i] = path[i];
            uint256 where = change % path.length;
            forged[where] = bytes32(uint256(forged[where]) ^ (1 << change));
            root = reached;
            refuseProof(account, cumulative, forged);
        }
        uint256 before = open.balanceOf(account);
        vault.claim(account, cumulative, reached, path);
        eq(open.balanceOf(account) - before, cumulative, "paid");
    }

    function prepareTree(uint256 forAnn, uint256 forBob) private {
        delete accounts;
        delete amounts;
        (accounts, amounts) = (new address[](0), new uint256[](0));
        accounts.push(ANN);
        accounts.push(BOB);
        amounts.push(forAnn);
        amounts.push(forBob);
        leaves = ClaimTree.leaves(accounts, amounts);
        root = leaves.root();
    }

    function postTree(uint256 forAnn, uint256 forBob) private {
        prepareTree(forAnn, forBob);
        depositAndPost(root, forAnn + forBob);
    }

    function depositAndPost(bytes32 claimsRoot, uint256 total) private {
        post(claimsRoot, total);
        passDelay();
    }

    function refuseProof(address account, uint256 cumulative, bytes32[] memory path) private {
        bytes32 active = vault.activeRoot();
        vm.expectRevert(abi.encodeWithSelector(Vault.InvalidProof.selector, account, cumulative));
        vault.claim(account, cumulative, active, path);
    }
}
