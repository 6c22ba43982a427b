// SPDX-License-Identifier: MIT
// What was published, by whom and when: roots of datanet versions, hashes of model versions, receipts roots of epochs.
// Made by the Vault in its constructor, which alone records epochs; versions are recorded by whoever holds the recorder
// role. It moves no coins and knows no people. Invariant: what stands here is never changed and never removed.
pragma solidity 0.8.37;

import {AccessControl} from "@openzeppelin/contracts/access/AccessControl.sol";

/// @title Registry of versions and epochs
/// @notice Datanets and models are named by keccak256 of their id in UTF-8; versions and epochs by number, from 1.
contract Registry is AccessControl {
    /// @notice May record datanet and model versions.
    bytes32 public constant RECORDER_ROLE = keccak256("RECORDER_ROLE");

    /// @notice The only address that records epochs: the Vault that made this registry. Nobody can appoint another.
    address public immutable vault;

    /// @notice One thing that was published.
    /// @param hash Root or hash of it.
    /// @param time When it was recorded, in seconds; 0 = nothing is recorded here.
    /// @param by Who recorded it.
    struct Entry {
        bytes32 hash;
        uint48 time;
        address by;
    }

    /// @notice One model version.
    /// @param hash Hash of the version.
    /// @param datanetRoot Root of the datanet version it was trained on.
    /// @param time When it was recorded, in seconds; 0 = nothing is recorded here.
    /// @param by Who recorded it.
    struct ModelEntry {
        bytes32 hash;
        bytes32 datanetRoot;
        uint48 time;
        address by;
    }

    mapping(uint64 epoch => Entry) private _epochs;
    mapping(bytes32 datanet => mapping(uint64 number => Entry)) private _datanetVersions;
    mapping(bytes32 model => mapping(uint64 number => ModelEntry)) private _modelVersions;

    /// @notice A datanet version was recorded; `root` is the Merkle root of its accepted contributions.
    event DatanetVersionRecorded(
        bytes32 indexed datanet, uint64 indexed number, bytes32 root, address indexed by
    );

    /// @notice A model version was recorded, trained on the datanet version with this root.
    event ModelVersionRecorded(
        bytes32 indexed model, uint64 indexed number, bytes32 hash, bytes32 datanetRoot, address indexed by
    );

    /// @notice Only the vault records epochs.
    error NotTheVault(address caller);
    /// @notice This number of this id stands here already, with this hash; nothing is ever overwritten.
    error AlreadyRecorded(bytes32 id, uint64 number, bytes32 recorded);
    /// @notice This epoch stands here already, with this receipts root.
    error EpochAlreadyRecorded(uint64 epoch, bytes32 recorded);
    /// @notice A version without a hash says nothing.
    error ZeroHash();

    /// @param admin May appoint and dismiss recorders: the timelock.
    /// @param recorder The first recorder.
    constructor(address admin, address recorder) {
        vault = msg.sender;
        _grantRole(DEFAULT_ADMIN_ROLE, admin);
        _grantRole(RECORDER_ROLE, recorder);
    }

    /// @notice Records a datanet version, once.
    /// @param datanet keccak256 of the datanet's id.
    /// @param number Its version.
    /// @param root Merkle root of its accepted contributions.
    function recordDatanetVersion(bytes32 datanet, uint64 number, bytes32 root)
        external
        onlyRole(RECORDER_ROLE)
    {
        if (root == 0) revert ZeroHash();
        Entry storage entry = _datanetVersions[datanet][number];
        if (entry.time != 0) revert AlreadyRecorded(datanet, number, entry.hash);
        (entry.hash, entry.time, entry.by) = (root, uint48(block.timestamp), msg.sender);
        emit DatanetVersionRecorded(datanet, number, root, msg.sender);
    }

    /// @notice Records a model version, once.
    /// @param model keccak256 of the model's id.
    /// @param number Its version.
    /// @param hash Hash of the version.
    /// @param datanetRoot Root of the datanet version it was trained on; zero where it was trained on none.
    function recordModelVersion(bytes32 model, uint64 number, bytes32 hash, bytes32 datanetRoot)
        external
        onlyRole(RECORDER_ROLE)
    {
        if (hash == 0) revert ZeroHash();
        ModelEntry storage entry = _modelVersions[model][number];
        if (entry.time != 0) revert AlreadyRecorded(model, number, entry.hash);
        (entry.hash, entry.datanetRoot) = (hash, datanetRoot);
        (entry.time, entry.by) = (uint48(block.timestamp), msg.sender);
        emit ModelVersionRecorded(model, number, hash, datanetRoot, msg.sender);
    }

    /// @notice Records the receipts root of an epoch, once. The Vault announces it (`EpochPosted`), in the same transaction.
    /// @param number The epoch.
    /// @param receiptsRoot Merkle root of its receipts; zero where it has none.
    /// @param poster Who posted it to the vault.
    function recordEpoch(uint64 number, bytes32 receiptsRoot, address poster) external {
        if (msg.sender != vault) revert NotTheVault(msg.sender);
        Entry storage entry = _epochs[number];
        if (entry.time != 0) revert EpochAlreadyRecorded(number, entry.hash);
        entry.hash = receiptsRoot;
        // Time and poster in one go; the compiler would write the slot twice.
        uint256 word = block.timestamp | (uint256(uint160(poster)) << 48);
        assembly ("memory-safe") {
            sstore(add(entry.slot, 1), word)
        }
    }

    /// @notice A datanet version by id and number; `time` is 0 when none was recorded.
    function datanetVersion(bytes32 datanet, uint64 number) external view returns (Entry memory) {
        return _datanetVersions[datanet][number];
    }

    /// @notice A model version by id and number; `time` is 0 when none was recorded.
    function modelVersion(bytes32 model, uint64 number) external view returns (ModelEntry memory) {
        return _modelVersions[model][number];
    }

    /// @notice An epoch's receipts root by number; `time` is 0 when none was recorded.
    function epoch(uint64 number) external view returns (Entry memory) {
        return _epochs[number];
    }
}
