// SPDX-License-Identifier: MIT
// Coins that OPEN is not, to see that the vault counts what arrives: one that keeps a fee, one that
// calls back, one of which too many exist.
pragma solidity 0.8.37;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {Vault} from "../src/Vault.sol";

/// As many as are asked for.
contract ManyCoins is ERC20 {
    constructor(uint256 supply) ERC20("Many", "MANY") {
        _mint(msg.sender, supply);
    }
}

/// Keeps a tenth of every transfer.
contract FeeToken is ERC20 {
    constructor() ERC20("Fee", "FEE") {
        _mint(msg.sender, 1_000_000e18);
    }

    function _update(address from, address to, uint256 value) internal override {
        if (from == address(0)) return super._update(from, to, value);
        super._update(from, address(0xFEE), value / 10);
        super._update(from, to, value - value / 10);
    }
}

/// Deposits once more while a deposit transfers, so that the inner coins would count twice.
contract CallingToken is ERC20 {
    Vault public vault;
    bool public inside;

    constructor() ERC20("Calling", "CALL") {
        _mint(msg.sender, 1_000_000e18);
        _mint(address(this), 1_000_000e18);
    }

    function aim(Vault vault_) external {
        vault = vault_;
        _approve(address(this), address(vault_), type(uint256).max);
    }

    function _update(address from, address to, uint256 value) internal override {
        super._update(from, to, value);
        if (to == address(vault) && to != address(0) && !inside) {
            inside = true;
            vault.deposit(1e18, "inner");
            inside = false;
        }
    }
}
