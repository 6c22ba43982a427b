// SPDX-License-Identifier: MIT
// A small Merkle tree of claims for the tests: leaves as the vault reads them, sorted pairs, an odd node goes up alone.
pragma solidity 0.8.37;

library ClaimTree {
    function leaf(address account, uint256 cumulative) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(account, cumulative))));
    }

    function leaves(address[] memory accounts, uint256[] memory amounts)
        internal
        pure
        returns (bytes32[] memory hashes)
    {
        hashes = new bytes32[](accounts.length);
        for (uint256 i = 0; i < accounts.length; i++) hashes[i] = leaf(accounts[i], amounts[i]);
    }

    function root(bytes32[] memory nodes) internal pure returns (bytes32) {
        while (nodes.length > 1) nodes = above(nodes);
        return nodes[0];
    }

    function proof(bytes32[] memory nodes, uint256 place) internal pure returns (bytes32[] memory path) {
        path = new bytes32[](0);
        while (nodes.length > 1) {
            uint256 sibling = place ^ 1;
            if (sibling < nodes.length) path = append(path, nodes[sibling]);
            nodes = above(nodes);
            place /= 2;
        }
    }

    function above(bytes32[] memory nodes) private pure returns (bytes32[] memory up) {
        up = new bytes32[]((nodes.length + 1) / 2);
        for (uint256 i = 0; i < up.length; i++) {
            up[i] = 2 * i + 1 < nodes.length ? pair(nodes[2 * i], nodes[2 * i + 1]) : nodes[2 * i];
        }
    }

    function pair(bytes32 a, bytes32 b) private pure returns (bytes32) {
        return a < b ? keccak256(abi.encode(a, b)) : keccak256(abi.encode(b, a));
    }

    function append(bytes32[] memory list, bytes32 last) private pure returns (bytes32[] memory longer) {
        longer = new bytes32[](list.length + 1);
        for (uint256 i = 0; i < list.length; i++) longer[i] = list[i];
        longer[list.length] = last;
    }
}
