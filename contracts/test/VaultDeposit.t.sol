// SPDX-License-Identifier: MIT
// Coins in: what arrives is counted, with or without a permit, and nothing else is.
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {TestBase} from "./TestBase.sol";
import {FeeToken, CallingToken} from "./OddTokens.sol";
import {Vault} from "../src/Vault.sol";

contract VaultDepositTest is TestBase {
    uint256 private constant KEY = 11;
    bytes32 private constant REF = keccak256("ref");

    function setUp() public {
        setUpVault();
    }

    function testFuzz_ADepositIsCountedToTheNano(uint256 amount) public {
        amount = within(amount, 1, 1e18) * NANO;
        vm.prank(TREASURY);
        open.approve(address(vault), amount);
        vm.expectEmit(address(vault));
        emit Vault.Deposited(TREASURY, REF, amount);
        vm.prank(TREASURY);
        vault.deposit(amount, REF);
        eq(vault.depositedTotal(), amount, "deposited");
        eq(vault.coinsHeld(), amount, "held");
        eq(open.balanceOf(address(vault)), amount, "balance");
    }

    function test_PartsOfANanoAreRefused() public {
        vm.startPrank(TREASURY);
        open.approve(address(vault), OPEN);
        vm.expectRevert(abi.encodeWithSelector(Vault.NotWholeNano.selector, NANO + 1));
        vault.deposit(NANO + 1, REF);
        vm.stopPrank();
    }

    function test_NothingIsRefused() public {
        vm.expectRevert(Vault.ZeroAmount.selector);
        vm.prank(TREASURY);
        vault.deposit(0, REF);
    }

    function test_WithoutAllowanceNothingMoves() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(vault), 0, OPEN
            )
        );
        vm.prank(TREASURY);
        vault.deposit(OPEN, REF);
    }

    function test_OfACoinThatKeepsATenthNineTenthsAreCounted() public {
        FeeToken coin = new FeeToken();
        Vault other = deployVault(IERC20(address(coin)));
        coin.approve(address(other), 100 * OPEN);
        vm.expectEmit(address(other));
        emit Vault.Deposited(address(this), REF, 90 * OPEN);
        other.deposit(100 * OPEN, REF);
        eq(other.coinsHeld(), 90 * OPEN, "held");
    }

    function test_ADepositInsideADepositIsRefused() public {
        CallingToken coin = new CallingToken();
        Vault other = deployVault(IERC20(address(coin)));
        coin.aim(other);
        coin.approve(address(other), OPEN);
        vm.expectRevert(ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector);
        other.deposit(OPEN, REF);
    }

    function test_APermitDepositsInOneTransaction() public {
        address owner = vm.addr(KEY);
        give(owner, 5 * OPEN);
        (uint8 v, bytes32 r, bytes32 s) = permit(5 * OPEN, block.timestamp);
        vm.expectEmit(address(vault));
        emit Vault.Deposited(owner, REF, 5 * OPEN);
        vm.prank(owner);
        vault.depositWithPermit(5 * OPEN, REF, block.timestamp, v, r, s);
        eq(vault.coinsHeld(), 5 * OPEN, "held");
    }

    function test_APermitThatSomebodySentFirstStillDeposits() public {
        address owner = vm.addr(KEY);
        give(owner, 5 * OPEN);
        (uint8 v, bytes32 r, bytes32 s) = permit(5 * OPEN, block.timestamp);
        vm.prank(STRANGER);
        open.permit(owner, address(vault), 5 * OPEN, block.timestamp, v, r, s);
        vm.prank(owner);
        vault.depositWithPermit(5 * OPEN, REF, block.timestamp, v, r, s);
        eq(vault.coinsHeld(), 5 * OPEN, "held");
    }

    function test_AStrangersPermitTakesNothing() public {
        address owner = vm.addr(KEY);
        give(owner, 5 * OPEN);
        (uint8 v, bytes32 r, bytes32 s) = permit(5 * OPEN, block.timestamp);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(vault), 0, 5 * OPEN
            )
        );
        vm.prank(STRANGER);
        vault.depositWithPermit(5 * OPEN, REF, block.timestamp, v, r, s);
        eq(open.balanceOf(owner), 5 * OPEN, "kept");
    }

    function test_CoinsSentWithoutADepositCountOnceTheAdminAdoptsThem() public {
        depositAs(STRANGER, 2 * OPEN, REF);
        vm.prank(TREASURY);
        open.transfer(address(vault), 3 * OPEN + 7);
        eq(vault.coinsHeld(), 2 * OPEN, "not counted");

        bytes32 role = vault.DEFAULT_ADMIN_ROLE();
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, STRANGER, role)
        );
        vm.prank(STRANGER);
        vault.adoptStray(REF);

        vm.expectEmit(address(vault));
        emit Vault.Deposited(ADMIN, REF, 3 * OPEN);
        vm.prank(ADMIN);
        vault.adoptStray(REF);
        eq(vault.coinsHeld(), 5 * OPEN, "counted");

        vm.expectRevert(Vault.ZeroAmount.selector);
        vm.prank(ADMIN);
        vault.adoptStray(REF);
    }

    function give(address to, uint256 amount) private {
        vm.prank(TREASURY);
        open.transfer(to, amount);
    }

    function permit(uint256 amount, uint256 deadline) private view returns (uint8, bytes32, bytes32) {
        address owner = vm.addr(KEY);
        bytes32 typeHash = keccak256(
            "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
        );
        bytes32 content =
            keccak256(abi.encode(typeHash, owner, address(vault), amount, open.nonces(owner), deadline));
        return vm.sign(KEY, keccak256(abi.encodePacked("\x19\x01", open.DOMAIN_SEPARATOR(), content)));
    }
}
