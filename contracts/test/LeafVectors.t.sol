// SPDX-License-Identifier: MIT
// The trees of leaf-vectors.json, which TypeScript builds: Solidity must reach the same leaves and roots, and the vault must
// pay by their proofs.
pragma solidity 0.8.37;

import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {ClaimTree} from "./ClaimTree.sol";
import {TestBase} from "./TestBase.sol";

contract LeafVectorsTest is TestBase {
    string private json;

    function setUp() public {
        setUpVault();
        json = vm.readFile("contracts/test/leaf-vectors.json");
    }

    function test_SolidityReachesEveryLeafAndRootOfTheClaims() public view {
        uint256 seen;
        for (; vm.keyExistsJson(json, field("claims", seen, "root")); seen++) {
            address[] memory accounts = vm.parseJsonAddressArray(json, field("claims", seen, "accounts"));
            uint256[] memory amounts = vm.parseJsonUintArray(json, field("claims", seen, "cumulatives"));
            bytes32[] memory leaves = vm.parseJsonBytes32Array(json, field("claims", seen, "leaves"));
            for (uint256 i = 0; i < accounts.length; i++) {
                eq(ClaimTree.leaf(accounts[i], amounts[i]), leaves[i], "leaf");
            }
            proves("claims", seen, leaves);
        }
        eq(seen, 4, "trees of claims");
    }

    function test_SolidityReachesEveryLeafAndRootOfTheReceipts() public view {
        uint256 seen;
        for (; vm.keyExistsJson(json, field("receipts", seen, "root")); seen++) {
            bytes32[] memory hashes = vm.parseJsonBytes32Array(json, field("receipts", seen, "hashes"));
            bytes32[] memory leaves = vm.parseJsonBytes32Array(json, field("receipts", seen, "leaves"));
            for (uint256 i = 0; i < hashes.length; i++) {
                eq(keccak256(bytes.concat(keccak256(abi.encode(hashes[i])))), leaves[i], "leaf");
            }
            proves("receipts", seen, leaves);
        }
        eq(seen, 3, "trees of receipts");
    }

    function test_TheVaultPaysByAProofThatTypeScriptMade() public {
        depositAs(STRANGER, 100_000 * OPEN, "ref");
        uint256 paid;
        for (uint256 n = 0; vm.keyExistsJson(json, field("claims", n, "root")); n++) {
            uint256 place = vm.parseJsonUint(json, field("claims", n, "place"));
            address account = vm.parseJsonAddressArray(json, field("claims", n, "accounts"))[place];
            uint256 amount = vm.parseJsonUintArray(json, field("claims", n, "cumulatives"))[place];
            if (amount % NANO != 0 || amount > CAP) continue;
            bytes32 root = vm.parseJsonBytes32(json, field("claims", n, "root"));
            post(root, vault.activeTotal() + amount);
            passDelay();
            vault.claim(account, amount, root, vm.parseJsonBytes32Array(json, field("claims", n, "proof")));
            eq(open.balanceOf(account), amount, "paid");
            paid++;
        }
        eq(paid, 2, "paid trees");
    }

    function proves(string memory kind, uint256 n, bytes32[] memory leaves) private view {
        uint256 place = vm.parseJsonUint(json, field(kind, n, "place"));
        bytes32[] memory proof = vm.parseJsonBytes32Array(json, field(kind, n, "proof"));
        bytes32 root = vm.parseJsonBytes32(json, field(kind, n, "root"));
        yes(MerkleProof.verify(proof, root, leaves[place]), "proof");
        eq(MerkleProof.processProof(proof, leaves[place]), root, "root");
    }

    function field(string memory kind, uint256 n, string memory name) private pure returns (string memory) {
        return string.concat(".", kind, "[", vm.toString(n), "].", name);
    }
}
