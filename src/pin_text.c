/* SPDX-FileCopyrightText: 2026 The ccidtrack authors */
/* SPDX-License-Identifier: BSD-2-Clause */
#include "pin_text.h"

#include <stddef.h>
#include <string.h>

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))

#define TEXTS		10
#define TEXT_SIZE	16

static const uint8_t head[] = { 0xB2, 0xA0, 0x00, 0x4D, 0x4C };

static const struct {
	char language[3];
	/* asks, asks for a new one, once more, right, wrong, nobody keyed in,
	   tries left, no card, no answer, blocked */
	const char *text[TEXTS];
} rows[] = {
	{ "en", { "Your PIN please", "New PIN", "New PIN again", "PIN accepted",
		  "Wrong PIN", "Time is over", "* tries left", "Card please",
		  "Card fails", "PIN is blocked" } },
	{ "de", { "PIN bitte", "Neue PIN", "Neue PIN noch 1x", "PIN richtig",
		  "PIN ist falsch", "Zeit ist um", "Noch * Versuche",
		  "Karte bitte", "Karte gestoert", "PIN gesperrt" } },
	{ "es", { "Su PIN por favor", "PIN nuevo", "Repita PIN nuevo",
		  "PIN aceptado", "PIN erroneo", "Fin del tiempo",
		  "Quedan * veces", "Ponga la tarjeta", "Fallo de tarjeta",
		  "PIN cerrado" } },
	{ "fr", { "Votre code SVP", "Nouveau code", "Code a nouveau",
		  "Code accepte", "Code faux", "Temps ecoule",
		  "Reste * essais", "Carte SVP", "Carte en panne",
		  "Code verrouille" } },
	{ "it", { "Il PIN prego", "PIN nuovo", "Ripetere il PIN",
		  "PIN accettato", "PIN sbagliato", "Tempo finito",
		  "Restano * prove", "La carta prego", "Carta guasta",
		  "PIN bloccato" } },
	{ "nl", { "Uw PIN a.u.b.", "Nieuwe PIN", "Herhaal de PIN", "PIN juist",
		  "PIN is onjuist", "Tijd is om", "Nog * keer", "Kaart a.u.b.",
		  "Kaart defect", "PIN geblokkeerd" } },
	{ "pt", { "O seu PIN", "PIN novo", "Repita PIN novo", "PIN aceite",
		  "PIN errado", "Fim do tempo", "Faltam * vezes",
		  "Ponha o cartao", "Falha do cartao", "PIN fechado" } },
	{ "tr", { "PIN lutfen", "Yeni PIN", "Yeni PIN tekrar", "PIN dogru",
		  "PIN hatali", "Sure bitti", "* hak kaldi", "Kart lutfen",
		  "Kart bozuk", "PIN kapali" } },
};

static size_t find(uint16_t language)
{
	for (size_t i = 0; i < ROWS(rows); i++)
		if (PIN_TEXT_LANGUAGE(rows[i].language[0],
				      rows[i].language[1]) == language)
			return i;
	return 0;
}

void pin_text_put(uint16_t language, uint8_t ret_command[PIN_TEXT_SIZE])
{
	const char *const *text = rows[find(language)].text;
	uint8_t *at = ret_command + sizeof(head);

	memcpy(ret_command, head, sizeof(head));
	memset(at, ' ', TEXTS * TEXT_SIZE);
	for (size_t i = 0; i < TEXTS; i++, at += TEXT_SIZE)
		memcpy(at, text[i], strlen(text[i]));
}
