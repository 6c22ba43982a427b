// SPDX-License-Identifier: MIT
// Drives the vault for the invariants: people deposit and claim, the operator posts, vetoes and pauses, a compromised
// poster lies, thieves try what must not work. Keeps its own plain books to compare with. No function here ever reverts on
// a correct vault (fail_on_revert is on): what must be refused is tried by a low-level call that must fail.
pragma solidity 0.8.37;

import {ClaimTree} from "./ClaimTree.sol";
import {TestBase} from "./TestBase.sol";
import {Open} from "../src/Open.sol";
import {Vault} from "../src/Vault.sol";

contract VaultHandler is TestBase {
    using ClaimTree for bytes32[];

    uint256 public constant PEOPLE = 5;

    /// A posted tree with all its leaves.
    struct Tree {
        bytes32 root;
        uint256 total;
        uint256 postedAt;
        bool vetoed;
        uint256[] amounts;
    }

    address[] public people;
    /// What each person may claim in all, by the operator's ledger.
    uint256[PEOPLE] public earned;
    /// What each person put in and got out, seen from the coin.
    uint256[PEOPLE] public put;
    uint256[PEOPLE] public got;
    /// The highest cumulative of each person in a tree that was active.
    uint256[PEOPLE] public allowed;
    uint256 public deposits;
    uint256 public claims;
    uint256 public strays;
    Tree[] private trees; // epoch n stands in place n - 1
    uint64 public active; // epoch whose tree is active, 0 = none
    uint64 public pendingEpoch; // 0 = none
    uint256 public activeAt;
    uint256 public base; // the total while no tree is active
    bool public isPaused;
    uint256 public pausedBalance;
    uint256 public vetoes;
    uint256 public paid;
    uint256 public refusals;

    constructor() {
        setUpVault();
        for (uint256 i = 0; i < PEOPLE; i++) {
            people.push(address(uint160(0xBEE0 + i)));
            vm.prank(TREASURY);
            open.transfer(people[i], 1_000_000 * OPEN);
        }
    }

    function theVault() external view returns (Vault) {
        return vault;
    }

    function theOpen() external view returns (Open) {
        return open;
    }

    function tree(uint64 epoch) external view returns (Tree memory) {
        return trees[epoch - 1];
    }

    /// Honest work, so that runs get far: everybody earns, some deposit, an epoch becomes active, some claim.
    function aDay(uint256 seed) external {
        for (uint256 i = 0; i < PEOPLE; i++) {
            this.earn(i, uint256(keccak256(abi.encode("earn", seed, i))));
            if (seed >> i & 1 == 1) this.deposit(i, uint256(keccak256(abi.encode("deposit", seed, i))));
        }
        this.postEpoch();
        this.wait(DELAY - 1);
        for (uint256 i = 0; i < PEOPLE; i++) if (seed >> (8 + i) & 1 == 1) this.claim(i, seed >> 16);
    }

    // What people do

    function deposit(uint256 who, uint256 amount) external {
        settle();
        who = who % PEOPLE;
        amount = within(amount, 1, 20_000e9) * NANO;
        if (amount > open.balanceOf(people[who])) return;
        vm.startPrank(people[who]);
        open.approve(address(vault), amount);
        if (isPaused) {
            refused(abi.encodeCall(Vault.deposit, (amount, "ref")), "a deposit while paused");
            vm.stopPrank();
            return;
        }
        vault.deposit(amount, "ref");
        vm.stopPrank();
        put[who] += amount;
        deposits += amount;
    }

    function sendWithoutDeposit(uint256 who, uint256 amount) external {
        settle();
        who = who % PEOPLE;
        amount = within(amount, 1, OPEN);
        if (amount > open.balanceOf(people[who])) return;
        vm.prank(people[who]);
        open.transfer(address(vault), amount);
        put[who] += amount;
        strays += amount;
        if (isPaused) pausedBalance += amount;
    }

    function adoptStrays() external {
        settle();
        uint256 whole = strays - strays % NANO;
        if (whole == 0 || isPaused) return;
        vm.prank(ADMIN);
        vault.adoptStray("ref");
        strays -= whole;
        deposits += whole;
    }

    function claim(uint256 who, uint256 sender) external {
        settle();
        if (active == 0) return;
        who = who % PEOPLE;
        Tree storage from = trees[active - 1];
        uint256 amount = from.amounts[who];
        uint256 due = amount > got[who] ? amount - got[who] : 0;
        bytes memory call =
            abi.encodeCall(Vault.claim, (people[who], amount, from.root, leavesOf(active).proof(who)));
        vm.startPrank(people[sender % PEOPLE]);
        // a lying tree pays until its posted total is reached
        if (due == 0 || isPaused || claims + due > from.total) {
            refused(call, "a claim of nothing, while paused, or above the total");
        } else {
            (bool done,) = address(vault).call(call);
            yes(done, "a claim that is due is paid");
            got[who] += due;
            claims += due;
            paid++;
            refused(call, "the same claim again");
        }
        vm.stopPrank();
    }

    // What the operator does

    function earn(uint256 who, uint256 amount) external {
        settle();
        earned[who % PEOPLE] += within(amount, 1, 1_000e9) * NANO;
    }

    function postEpoch() external {
        settle();
        uint256[] memory amounts = new uint256[](PEOPLE);
        uint256 total;
        for (uint256 i = 0; i < PEOPLE; i++) total += amounts[i] = earned[i];
        postTree(amounts, total);
    }

    /// Leaves that sum to more than is posted, some lower than before: only this contract's rules stand in the way.
    function postALie(uint256 seed, uint256 growth, uint256 chance) external {
        settle();
        if (chance % 3 != 0) return; // honest epochs have a hard time afterwards
        uint256[] memory amounts = new uint256[](PEOPLE);
        for (uint256 i = 0; i < PEOPLE; i++) {
            amounts[i] = within(uint256(keccak256(abi.encode(seed, i))), 0, 50_000e9) * NANO;
        }
        postTree(amounts, lastTotal() + within(growth, 0, CAP / NANO) * NANO);
    }

    function veto() external {
        settle();
        vm.startPrank(VETOER);
        if (pendingEpoch == 0) {
            refused(abi.encodeCall(Vault.vetoEpoch, (uint64(trees.length))), "a veto of nothing pending");
        } else {
            vault.vetoEpoch(pendingEpoch);
            trees[pendingEpoch - 1].vetoed = true;
            pendingEpoch = 0;
            vetoes++;
        }
        vm.stopPrank();
    }

    /// Seldom: most of a run should be at work.
    function pause(uint256 chance) external {
        settle();
        if (isPaused || chance % 4 != 0) return;
        vm.prank(PAUSER);
        vault.pause();
        isPaused = true;
        pausedBalance = open.balanceOf(address(vault));
    }

    function unpause() external {
        settle();
        if (!isPaused) return;
        vm.prank(ADMIN);
        vault.unpause();
        isPaused = false;
        activeAt = block.timestamp + DELAY;
    }

    /// The way out of a wrong root that is active: taken back during a pause.
    function dropActiveRoot(uint256 total) external {
        settle();
        if (!isPaused || pendingEpoch != 0) {
            vm.prank(ADMIN);
            refused(abi.encodeCall(Vault.dropActiveRoot, (lastTotal())), "a root dropped while it counts");
            return;
        }
        base = within(total, claims / NANO, lastTotal() / NANO) * NANO;
        vm.prank(ADMIN);
        vault.dropActiveRoot(base);
        active = 0;
    }

    function wait(uint256 time) external {
        settle();
        vm.warp(block.timestamp + within(time, 1, 2 * DELAY));
    }

    // What thieves try

    function stealWithAForgedAmount(uint256 who, uint256 amount) external {
        settle();
        who = who % PEOPLE;
        if (active == 0 || isPaused) return;
        uint256 forged = got[who] + within(amount, 1, 1_000e9) * NANO;
        if (forged == trees[active - 1].amounts[who]) return;
        bytes32[] memory path = leavesOf(active).proof(who);
        refused(
            abi.encodeCall(Vault.claim, (people[who], forged, trees[active - 1].root, path)), "a forged amount"
        );
    }

    function stealFromAnotherTree(uint256 which, uint256 who) external {
        settle();
        if (trees.length == 0) return;
        uint64 epoch = uint64(which % trees.length) + 1;
        if (active != 0 && trees[epoch - 1].root == trees[active - 1].root) return;
        who = who % PEOPLE;
        bytes32[] memory path = leavesOf(epoch).proof(who);
        uint256 amount = trees[epoch - 1].amounts[who];
        // by its own root, and by the active one
        refused(
            abi.encodeCall(Vault.claim, (people[who], amount, trees[epoch - 1].root, path)),
            "a claim from a tree that is old, pending or vetoed"
        );
        if (active != 0 && amount != trees[active - 1].amounts[who]) {
            refused(
                abi.encodeCall(Vault.claim, (people[who], amount, trees[active - 1].root, path)),
                "a proof from a tree that is old, pending or vetoed"
            );
        }
    }

    function actWithoutARole(uint256 who, uint256 total) external {
        settle();
        uint64 next = uint64(trees.length) + 1;
        vm.startPrank(people[who % PEOPLE]);
        refused(abi.encodeCall(Vault.postEpoch, (next, 0, "root", lastTotal(), 0)), "a stranger's posting");
        refused(abi.encodeCall(Vault.vetoEpoch, (pendingEpoch)), "a stranger's veto");
        refused(abi.encodeCall(Vault.pause, ()), "a stranger's pause");
        refused(abi.encodeCall(Vault.unpause, ()), "a stranger's end of a pause");
        refused(abi.encodeCall(Vault.dropActiveRoot, (lastTotal())), "a stranger's drop of a root");
        refused(abi.encodeCall(Vault.setGrowthCap, (total)), "a stranger's cap");
        refused(abi.encodeCall(Vault.setPostingDelay, (DELAY)), "a stranger's delay");
        refused(abi.encodeCall(Vault.rescueForeign, (open, people[who % PEOPLE], 1)), "a stranger's rescue");
        vm.stopPrank();
        vm.prank(ADMIN);
        refused(abi.encodeCall(Vault.rescueForeign, (open, ADMIN, 1)), "a rescue of OPEN");
    }

    function overwriteTheRegistry(uint256 which) external {
        settle();
        if (trees.length == 0) return;
        vm.prank(address(vault));
        (bool done,) = address(registry).call(
            abi.encodeCall(registry.recordEpoch, (uint64(which % trees.length) + 1, "forged", ADMIN))
        );
        yes(!done, "an epoch was overwritten");
        refusals++;
    }

    /// Posts when the rules allow it, and sees that it is refused when they do not.
    function postTree(uint256[] memory amounts, uint256 total) private {
        uint64 epoch = uint64(trees.length) + 1;
        bytes32 root = leaves(amounts).root();
        bytes memory call =
            abi.encodeCall(Vault.postEpoch, (epoch, receiptsRoot(epoch), root, total, keccak256("file")));
        bool allowedNow = !isPaused && pendingEpoch == 0 && total >= lastTotal()
            && total - lastTotal() <= CAP && total <= deposits;
        vm.startPrank(POSTER);
        if (!allowedNow) {
            refused(call, "a posting that breaks a rule");
            vm.stopPrank();
            return;
        }
        refused(
            abi.encodeCall(Vault.postEpoch, (epoch + 1, 0, root, total, 0)), "a posting that skips a number"
        );
        refused(
            abi.encodeCall(Vault.postEpoch, (epoch - 1, 0, root, total, 0)), "a posting of a used number"
        );
        (bool done,) = address(vault).call(call);
        vm.stopPrank();
        yes(done, "a posting within the rules is taken");
        trees.push(Tree(root, total, block.timestamp, false, amounts));
        pendingEpoch = epoch;
        activeAt = block.timestamp + DELAY;
    }

    /// The books' own view of time: a pending tree whose delay has passed is active.
    function settle() private {
        if (pendingEpoch == 0 || isPaused || block.timestamp < activeAt) return;
        active = pendingEpoch;
        pendingEpoch = 0;
        for (uint256 i = 0; i < PEOPLE; i++) {
            uint256 amount = trees[active - 1].amounts[i];
            if (amount > allowed[i]) allowed[i] = amount;
        }
    }

    function refused(bytes memory call, string memory what) private {
        (bool done,) = address(vault).call(call);
        yes(!done, what);
        refusals++;
    }

    /// Total of the newest posting that was not vetoed.
    function lastTotal() public view returns (uint256) {
        if (pendingEpoch != 0) return trees[pendingEpoch - 1].total;
        return active == 0 ? base : trees[active - 1].total;
    }

    function epochs() external view returns (uint64) {
        return uint64(trees.length);
    }

    function leavesOf(uint64 epoch) private view returns (bytes32[] memory) {
        return leaves(trees[epoch - 1].amounts);
    }

    function leaves(uint256[] memory amounts) private view returns (bytes32[] memory) {
        return ClaimTree.leaves(people, amounts);
    }
}
