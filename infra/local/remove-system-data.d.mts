/** Deletes everything a stopped system kept: data, logs, secrets, state, containers and their volumes. */
export function removeSystemData(folder: string): void;
