/** SHA-256 of the platform: 32 bytes over the UTF-8 of a text. Ids and fingerprints are made with it. */
export type Digest = (text: string) => Uint8Array;
