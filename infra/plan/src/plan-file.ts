/** A seating plan in the open format of pretix: the members its public editor writes and this generator uses. */
export interface PlanFile {
  name: string;
  categories: { name: string; color: string }[];
  zones: PlanZone[];
  size: { width: number; height: number };
}

/** Positions nest: a seat stands at zone + row + seat. */
export interface PlanZone {
  name: string;
  zone_id: string;
  position: Position;
  rows: PlanRow[];
  areas: PlanArea[];
}

export interface PlanRow {
  row_number: string;
  row_number_position: 'start' | 'end' | 'both' | null;
  position: Position;
  seats: PlanSeat[];
}

export interface PlanSeat {
  seat_guid: string;
  seat_number: string;
  position: Position;
  category: string;
}

/** Decoration: drawn, never sold. */
export interface PlanArea {
  shape: 'rectangle' | 'circle' | 'text';
  color: string;
  border_color: string;
  rotation: number;
  position: Position;
  rectangle?: { width: number; height: number };
  circle?: { radius: number };
  text?: { position: Position; color: string; text: string; size: number };
}

export interface Position {
  x: number;
  y: number;
}
