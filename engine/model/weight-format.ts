// How the large matrices of a served model are kept. Used by loading, the serving graph and the settings.
// int8 (blocks of 64 along the input, one f32 scale each) is the default; int4 (blocks of 32) halves it again at a price in quality;
// f32 is exact. Norms, biases and rotary tables are f32 always.

export const weightFormats = ['int8', 'int4', 'f32'] as const;
export type WeightFormat = (typeof weightFormats)[number];
