// SPDX-License-Identifier: MIT
// What every Solidity test stands on: the cheat codes that are used, assertions, people, and contracts deployed from
// contracts/artifacts (or from the folder in ARTIFACTS_DIR: the mutation run), so that the tests run on the deployed bytes.
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {Open} from "../src/Open.sol";
import {Registry} from "../src/Registry.sol";
import {Vault} from "../src/Vault.sol";

/// The cheat codes of forge that are used here.
interface Vm {
    struct Log {
        bytes32[] topics;
        bytes data;
        address emitter;
    }

    function prank(address sender) external;
    function startPrank(address sender) external;
    function stopPrank() external;
    function warp(uint256 time) external;
    function expectRevert(bytes calldata data) external;
    function expectRevert(bytes4 selector) external;
    function expectEmit(address emitter) external;
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
    function addr(uint256 key) external pure returns (address);
    function assume(bool condition) external pure;
    function readFile(string calldata path) external view returns (string memory);
    function envOr(string calldata name, string calldata otherwise) external view returns (string memory);
    function parseJsonBytes(string calldata json, string calldata key) external pure returns (bytes memory);
    function parseJsonBytes32(string calldata json, string calldata key) external pure returns (bytes32);
    function parseJsonBytes32Array(string calldata json, string calldata key)
        external
        pure
        returns (bytes32[] memory);
    function parseJsonAddressArray(string calldata json, string calldata key)
        external
        pure
        returns (address[] memory);
    function parseJsonUintArray(string calldata json, string calldata key)
        external
        pure
        returns (uint256[] memory);
    function parseJsonUint(string calldata json, string calldata key) external pure returns (uint256);
    function keyExistsJson(string calldata json, string calldata key) external view returns (bool);
    function toString(uint256 value) external pure returns (string memory);
}

abstract contract TestBase {
    Vm internal constant vm = Vm(0x7109709ECfa91a80626fF3989D68f67F5b1DD12D);

    uint256 internal constant OPEN = 1e18;
    uint256 internal constant NANO = 1e9;
    uint64 internal constant DELAY = 1 hours;
    uint256 internal constant CAP = 10_000 * OPEN;

    address internal constant TREASURY = address(0x7EA5);
    address internal constant ADMIN = address(0xAD01);
    address internal constant POSTER = address(0x9057);
    address internal constant PAUSER = address(0x9A05);
    address internal constant VETOER = address(0x7E70);
    address internal constant STRANGER = address(0x57A6);

    Open internal open;
    Vault internal vault;
    Registry internal registry;

    /// A coin, a vault and its registry, at a time like today's.
    function setUpVault() internal {
        vm.warp(1_800_000_000);
        open = Open(deploy("Open", abi.encode(TREASURY)));
        vault = deployVault(IERC20(address(open)));
        registry = vault.registry();
    }

    function deployVault(IERC20 coin) internal returns (Vault) {
        return Vault(deploy("Vault", abi.encode(coin, ADMIN, POSTER, PAUSER, VETOER, DELAY, CAP)));
    }

    /// Deploys the compiled contract of this name; reverts with its constructor's error.
    function deploy(string memory name, bytes memory arguments) internal returns (address deployed) {
        bytes memory code = abi.encodePacked(creationCode(name), arguments);
        assembly ("memory-safe") {
            deployed := create(0, add(code, 32), mload(code))
            if iszero(deployed) {
                let free := mload(0x40)
                returndatacopy(free, 0, returndatasize())
                revert(free, returndatasize())
            }
        }
    }

    function creationCode(string memory name) internal view returns (bytes memory) {
        string memory folder = vm.envOr("ARTIFACTS_DIR", "contracts/artifacts");
        return vm.parseJsonBytes(vm.readFile(string.concat(folder, "/", name, ".json")), ".bytecode");
    }

    /// Gives `who` coins and deposits them.
    function depositAs(address who, uint256 amount, bytes32 ref) internal {
        vm.prank(TREASURY);
        open.transfer(who, amount);
        vm.startPrank(who);
        open.approve(address(vault), amount);
        vault.deposit(amount, ref);
        vm.stopPrank();
    }

    /// Posts the next epoch.
    function post(bytes32 claimsRoot, uint256 total) internal returns (uint64 epoch) {
        epoch = vault.lastEpoch() + 1;
        vm.prank(POSTER);
        vault.postEpoch(epoch, receiptsRoot(epoch), claimsRoot, total, keccak256("file"));
    }

    function receiptsRoot(uint64 epoch) internal pure returns (bytes32) {
        return keccak256(abi.encode("receipts", epoch));
    }

    function passDelay() internal {
        vm.warp(block.timestamp + DELAY);
    }

    error NotEqual(string what, uint256 left, uint256 right);
    error NotEqualBytes(string what, bytes32 left, bytes32 right);
    error NotTrue(string what);

    function eq(uint256 left, uint256 right, string memory what) internal pure {
        if (left != right) revert NotEqual(what, left, right);
    }

    function eq(address left, address right, string memory what) internal pure {
        if (left != right) revert NotEqual(what, uint160(left), uint160(right));
    }

    function eq(bytes32 left, bytes32 right, string memory what) internal pure {
        if (left != right) revert NotEqualBytes(what, left, right);
    }

    function yes(bool condition, string memory what) internal pure {
        if (!condition) revert NotTrue(what);
    }

    /// A number from `low` to `high`, both included.
    function within(uint256 number, uint256 low, uint256 high) internal pure returns (uint256) {
        return low + number % (high - low + 1);
    }
}
