import { ApiProperty } from '@nestjs/swagger';

class SizeBody {
  @ApiProperty()
  width!: number;

  @ApiProperty()
  height!: number;
}

class LayoutCategoryBody {
  @ApiProperty()
  name!: string;

  @ApiProperty()
  color!: string;
}

class LayoutSeatBody {
  @ApiProperty()
  seatId!: string;

  @ApiProperty({ description: 'As printed on the ticket' })
  number!: string;

  @ApiProperty()
  x!: number;

  @ApiProperty()
  y!: number;

  @ApiProperty({ type: 'integer', description: 'Index into `categories`' })
  category!: number;
}

class LayoutRowBody {
  @ApiProperty({ description: 'As printed on the ticket' })
  row!: string;

  @ApiProperty({ type: [LayoutSeatBody] })
  seats!: LayoutSeatBody[];
}

class LayoutZoneBody {
  @ApiProperty()
  name!: string;

  @ApiProperty({ type: [LayoutRowBody] })
  rows!: LayoutRowBody[];

  @ApiProperty({
    type: 'array',
    items: { type: 'object', additionalProperties: true },
    description: 'Decoration as the plan has it: shape, position, rotation, color, border_color, text',
  })
  areas!: object[];
}

/** An event's plan as it is drawn. It never changes. All positions count from the plan's corner. */
export class LayoutBody {
  @ApiProperty()
  name!: string;

  @ApiProperty({ type: SizeBody })
  size!: SizeBody;

  @ApiProperty({ type: [LayoutCategoryBody] })
  categories!: LayoutCategoryBody[];

  @ApiProperty({
    type: [LayoutZoneBody],
    description: 'Zones, their rows, their seats: the order of every list of seats',
  })
  zones!: LayoutZoneBody[];
}
