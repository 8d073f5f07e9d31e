import type { Random } from "@sdgan/core";

/** The most species that one data set can have. */
export const mostSpecies = 5000;

/**
 * `count` different names in random order, up to `mostSpecies`. Up to 624 are made of the first lists alone: with more words,
 * a seed would give other names.
 */
export function speciesNames(count: number, random: Random): string[] {
  const [given, family] =
    count <= givenNames.length * familyNames.length
      ? [givenNames, familyNames]
      : [
          [...givenNames, ...moreGivenNames],
          [...familyNames, ...moreFamilyNames],
        ];
  const names = given.flatMap((first) => family.map((last) => `${first} ${last}`));
  return random.shuffled(names).slice(0, count);
}

// No name contains a colour, a pattern or a size, which could contradict the image.
const givenNames = words(
  "Alder Aspen Autumn Bramble Briar Brook Cedar Clover Coastal Dune Evening Fern Harbor Heath Island Juniper " +
    "Lagoon Lowland Marsh Meadow Morning Orchard Prairie River Thicket Valley",
);
const familyNames = words(
  "Bellowick Chirrel Dapplin Fennet Fluterin Hoplet Larkin Lilter Murrin Pellow Pippin Plumet Quillet Rillen " +
    "Sedgling Tarlin Thrushel Tweedle Trillet Vireling Wendle Whimmer Whistlet Wrenling",
);
const moreGivenNames = words(
  "Arbor Beech Birch Canyon Cape Cliff Copse Cove Crag Creek Dale Delta Dell Elm Estuary Fjord Forest Garden Glade " +
    "Glen Gorge Grove Gully Hedge Highland Hollow Inlet Jungle Knoll Lake Larch Linden Mangrove Maple Mesa Midday " +
    "Moor Noon Oak Ocean Pasture Pine Pond Poplar Quarry Ridge Savanna Shore Spruce Steppe Summit Tundra Upland Willow",
);
const moreFamilyNames = words(
  "Arkling Bristlet Burrin Chatterel Cheepin Clucket Corrin Dovelin Drumlet Feathrin Finnick Flickin Flittern Gladdin " +
    "Grebling Harrel Jabberin Kestrin Kittel Lorrin Marlet Nestrel Nuthin Orrin Peeplet Perrin Ruffin Skimmel Skylin " +
    "Sparrel Squillet Swallin Swoopel Tattlin Teeterin Tittrel Twitterel Warblin Whirlin",
);

function words(list: string): string[] {
  return list.split(" ");
}
