-- Who else ever held an address: asked at each call and contribution. See note.md.
create index wallet_address on wallet (address);
