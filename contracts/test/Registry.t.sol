// SPDX-License-Identifier: MIT
// The registry: who, when, what, by id; nothing is written twice.
pragma solidity 0.8.37;

import {IAccessControl} from "@openzeppelin/contracts/access/IAccessControl.sol";
import {TestBase} from "./TestBase.sol";
import {Registry} from "../src/Registry.sol";

contract RegistryTest is TestBase {
    bytes32 private constant ID = keccak256("pocket-atlas");

    function setUp() public {
        setUpVault();
    }

    function test_IsMadeByItsVault() public view {
        eq(registry.vault(), address(vault), "vault");
        yes(registry.hasRole(registry.DEFAULT_ADMIN_ROLE(), ADMIN), "admin");
        yes(registry.hasRole(registry.RECORDER_ROLE(), POSTER), "recorder");
        yes(!registry.hasRole(registry.DEFAULT_ADMIN_ROLE(), address(vault)), "the vault is no admin");
    }

    function testFuzz_ADatanetVersionIsRecordedOnce(bytes32 id, uint64 number, bytes32 root, bytes32 other)
        public
    {
        vm.assume(root != 0 && other != 0);
        vm.expectEmit(address(registry));
        emit Registry.DatanetVersionRecorded(id, number, root, POSTER);
        vm.startPrank(POSTER);
        registry.recordDatanetVersion(id, number, root);
        vm.expectRevert(abi.encodeWithSelector(Registry.AlreadyRecorded.selector, id, number, root));
        registry.recordDatanetVersion(id, number, other);
        vm.stopPrank();
        Registry.Entry memory entry = registry.datanetVersion(id, number);
        eq(entry.hash, root, "hash");
        eq(entry.time, block.timestamp, "when");
        eq(entry.by, POSTER, "who");
    }

    function testFuzz_AModelVersionIsRecordedOnce(bytes32 id, uint64 number, bytes32 hash, bytes32 datanetRoot)
        public
    {
        vm.assume(hash != 0);
        vm.expectEmit(address(registry));
        emit Registry.ModelVersionRecorded(id, number, hash, datanetRoot, POSTER);
        vm.startPrank(POSTER);
        registry.recordModelVersion(id, number, hash, datanetRoot);
        vm.expectRevert(abi.encodeWithSelector(Registry.AlreadyRecorded.selector, id, number, hash));
        registry.recordModelVersion(id, number, hash, 0);
        vm.stopPrank();
        Registry.ModelEntry memory entry = registry.modelVersion(id, number);
        eq(entry.hash, hash, "hash");
        eq(entry.datanetRoot, datanetRoot, "datanet");
        eq(entry.time, block.timestamp, "when");
        eq(entry.by, POSTER, "who");
    }

    function test_VersionsOfOneIdStandBesideOneAnother() public {
        vm.startPrank(POSTER);
        registry.recordDatanetVersion(ID, 1, "one");
        registry.recordDatanetVersion(ID, 2, "two");
        registry.recordModelVersion(ID, 1, "model", "one");
        vm.stopPrank();
        eq(registry.datanetVersion(ID, 1).hash, "one", "first");
        eq(registry.datanetVersion(ID, 2).hash, "two", "second");
        eq(registry.modelVersion(ID, 1).hash, "model", "model");
        eq(registry.datanetVersion(ID, 3).time, 0, "none");
        eq(registry.modelVersion(ID, 2).time, 0, "none");
        eq(registry.epoch(1).time, 0, "none");
    }

    function test_AVersionWithoutAHashIsRefused() public {
        vm.startPrank(POSTER);
        vm.expectRevert(Registry.ZeroHash.selector);
        registry.recordDatanetVersion(ID, 1, 0);
        vm.expectRevert(Registry.ZeroHash.selector);
        registry.recordModelVersion(ID, 1, 0, "one");
        vm.stopPrank();
    }

    function test_OnlyRecordersRecordVersions() public {
        bytes32 role = registry.RECORDER_ROLE();
        refuseRole(role);
        vm.prank(STRANGER);
        registry.recordDatanetVersion(ID, 1, "one");
        refuseRole(role);
        vm.prank(STRANGER);
        registry.recordModelVersion(ID, 1, "one", 0);
        vm.prank(ADMIN);
        registry.grantRole(role, STRANGER);
        vm.prank(STRANGER);
        registry.recordDatanetVersion(ID, 1, "one");
    }

    function test_OnlyTheVaultRecordsEpochsNotEvenTheAdminOrThePoster() public {
        address[3] memory others = [ADMIN, POSTER, STRANGER];
        for (uint256 i = 0; i < others.length; i++) {
            vm.expectRevert(abi.encodeWithSelector(Registry.NotTheVault.selector, others[i]));
            vm.prank(others[i]);
            registry.recordEpoch(1, "root", POSTER);
        }
    }

    function testFuzz_AnEpochIsRecordedOnce(uint64 number, bytes32 root, address by) public {
        vm.startPrank(address(vault));
        registry.recordEpoch(number, root, by);
        vm.expectRevert(abi.encodeWithSelector(Registry.EpochAlreadyRecorded.selector, number, root));
        registry.recordEpoch(number, "other", by);
        vm.stopPrank();
        Registry.Entry memory entry = registry.epoch(number);
        eq(entry.hash, root, "hash");
        eq(entry.time, block.timestamp, "when");
        eq(entry.by, by, "who");
    }

    function refuseRole(bytes32 role) private {
        vm.expectRevert(
            abi.encodeWithSelector(IAccessControl.AccessControlUnauthorizedAccount.selector, STRANGER, role)
        );
    }
}
