// SPDX-License-Identifier: MIT
// The coin: the whole supply once, permit, votes by time.
pragma solidity 0.8.37;

import {TestBase} from "./TestBase.sol";
import {Open} from "../src/Open.sol";

contract OpenTest is TestBase {
    function setUp() public {
        vm.warp(1_800_000_000);
        open = Open(deploy("Open", abi.encode(TREASURY)));
    }

    function test_TheWholeSupplyOfABillionIsInTheTreasury() public view {
        eq(open.totalSupply(), 1e27, "supply");
        eq(open.cap(), open.totalSupply(), "cap");
        eq(open.balanceOf(TREASURY), 1e27, "treasury");
        eq(open.decimals(), 18, "decimals");
    }

    function testFuzz_TransfersMoveAndMakeNothing(address to, uint256 amount) public {
        vm.assume(to != address(0) && to != TREASURY);
        amount = within(amount, 0, 1e27);
        vm.prank(TREASURY);
        open.transfer(to, amount);
        eq(open.balanceOf(to), amount, "arrived");
        eq(open.balanceOf(TREASURY), 1e27 - amount, "left");
        eq(open.totalSupply(), 1e27, "supply");
    }

    function test_VotesFollowCoinsOnceDelegatedAndCountByTime() public {
        eq(keccak256(bytes(open.CLOCK_MODE())), keccak256("mode=timestamp"), "mode");
        eq(open.clock(), block.timestamp, "clock");
        vm.prank(TREASURY);
        open.transfer(STRANGER, 5 * OPEN);
        eq(open.getVotes(STRANGER), 0, "before delegation");
        vm.prank(STRANGER);
        open.delegate(STRANGER);
        eq(open.getVotes(STRANGER), 5 * OPEN, "after delegation");
        vm.warp(block.timestamp + 10);
        eq(open.getPastVotes(STRANGER, block.timestamp - 1), 5 * OPEN, "past");
    }

    function test_APermitGivesAnAllowanceOnce() public {
        address owner = vm.addr(7);
        bytes32 digest = permitDigest(owner, STRANGER, 3 * OPEN, 0, block.timestamp);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(7, digest);
        open.permit(owner, STRANGER, 3 * OPEN, block.timestamp, v, r, s);
        eq(open.allowance(owner, STRANGER), 3 * OPEN, "allowance");
        eq(open.nonces(owner), 1, "nonce");
        (bool again,) = address(open).call(
            abi.encodeCall(open.permit, (owner, STRANGER, 3 * OPEN, block.timestamp, v, r, s))
        );
        yes(!again, "a permit counts once");
    }

    function permitDigest(address owner, address spender, uint256 amount, uint256 nonce, uint256 deadline)
        private
        view
        returns (bytes32)
    {
        bytes32 typeHash = keccak256(
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        );
        bytes32 content = keccak256(abi.encode(typeHash, owner, spender, amount, nonce, deadline));
        return keccak256(abi.encodePacked("\x19\x01", open.DOMAIN_SEPARATOR(), content));
    }
}
