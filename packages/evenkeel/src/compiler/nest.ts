/** placeholder so that the types resolve while floors are laid */
export type Nest = never;
