// SPDX-License-Identifier: MIT
// The coin. ERC-20 with permit (a signature instead of an approval) and votes; the whole supply is made once, in the
// constructor, and nothing can make or burn more. Used by the Vault; knows no vault, no people and no prices.
// Invariant: totalSupply() == cap() for ever.
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";
import {ERC20Votes} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Votes.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";

/// @title OPEN, the coin of the marketplace
/// @notice 1,000,000,000 OPEN with 18 decimals, all minted at deployment. The marketplace counts in nano: 1e9 of these units.
contract Open is ERC20, ERC20Permit, ERC20Votes {
    /// @notice The supply, now and for ever, in units of 1e-18 OPEN.
    uint256 public constant cap = 1_000_000_000 ether;

    /// @param treasury Receives the whole supply.
    constructor(address treasury) ERC20("Open", "OPEN") ERC20Permit("Open") {
        _mint(treasury, cap);
    }

    /// @notice Votes are counted by time, not by block number: blocks mean different things on different rollups.
    /// @return The time in seconds.
    function clock() public view override returns (uint48) {
        return uint48(block.timestamp);
    }

    /// @notice The clock of the votes in the form of ERC-6372.
    // solhint-disable-next-line func-name-mixedcase
    function CLOCK_MODE() public pure override returns (string memory) {
        return "mode=timestamp";
    }

    /// @notice The next nonce of a permit or of a delegation by signature.
    /// @param owner Whose nonce.
    function nonces(address owner) public view override(ERC20Permit, Nonces) returns (uint256) {
        return super.nonces(owner);
    }

    function _update(address from, address to, uint256 value) internal override(ERC20, ERC20Votes) {
        super._update(from, to, value);
    }
}
